# The demo with its weights, on a CPU, for a user without rights; it writes to /tmp alone.
#
#   docker build --tag speech-emotion .
#
# Pip's own index may have torch only as a large build for graphics cards. If so, name the index with the CPU builds:
#   docker build --build-arg EXTRA_INDEX_URL=ADDRESS --tag speech-emotion .

FROM python:3.11-slim-bookworm AS packages
ARG EXTRA_INDEX_URL=""
COPY requirements-demo.lock /build/
# The lock is complete and holds every hash. Only a build of torch for graphics cards asks for more, which the second
# installation brings; for the CPU's it does nothing. The check fails where something is missing.
# Python compiles what the demo imports below, and need not keep what it never does; nobody builds on or tests these
# packages here, and torch only looks whether its manager of shared memory is there.
RUN export PIP_EXTRA_INDEX_URL="${EXTRA_INDEX_URL}" PIP_NO_CACHE_DIR=1 \
    && python3 -m venv --without-pip /packages \
    && python3 -m pip --python /packages install --no-compile --no-deps --require-hashes \
        --requirement /build/requirements-demo.lock \
    && python3 -m pip --python /packages install --no-compile "$(grep --only-matching '^torch==[^ ]*' /build/requirements-demo.lock)" \
    && python3 -m pip --python /packages check \
    && cd /packages/lib/python3.11/site-packages \
    && find pandas sympy -type d -name tests -prune -exec rm -r {} + \
    && find torch/bin -type f ! -name torch_shm_manager -delete \
    && rm -r torch/include torch/test

FROM python:3.11-slim-bookworm AS media
COPY packages.txt /build/
# Of what Debian installs with ffmpeg half is drivers for screens: keep the programs and the libraries they are linked
# to. Gradio asks ffprobe wherever there is ffmpeg.
RUN apt-get update \
    && xargs apt-get install --yes --no-install-recommends < /build/packages.txt \
    && mkdir /media/ffmpeg \
    && ldd /usr/bin/ffmpeg /usr/bin/ffprobe | sed --quiet 's,.*=> \(/usr\)\?\(/lib/[^ ]*\).*,/usr\2,p' \
        | xargs cp --parents --dereference --target-directory /media/ffmpeg /usr/bin/ffmpeg /usr/bin/ffprobe

FROM python:3.11-slim-bookworm
RUN useradd --uid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin demo
COPY --from=media /media/ffmpeg/usr /usr
COPY --from=packages /packages /packages
WORKDIR /app
COPY . .
ENV PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_TEMP_DIR=/tmp/gradio \
    HF_HUB_OFFLINE=1
# Load the model once: an image whose demo cannot start is not made, and the real start finds its code compiled.
RUN /packages/bin/python -c "from ser.demo.cli import load_recognizer; from ser.demo.models import Models; from ser.demo.page import build_demo; build_demo(Models(['checkpoint'], load_recognizer))" && rm -rf /tmp/*
USER 1000:1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["/packages/bin/python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('GRADIO_SERVER_PORT') or 7860}/config\", timeout=8)"]
CMD ["/packages/bin/python", "app.py"]
