# The demo with its weights, on a CPU, for a user without rights; it writes to /tmp alone.
#
#   docker build --tag speech-emotion .
#
# Pip's own index may have torch only as a large build for graphics cards. If so, name the index with the CPU builds:
#   docker build --build-arg EXTRA_INDEX_URL=ADDRESS --tag speech-emotion .

FROM python:3.11-slim-bookworm AS packages
ARG EXTRA_INDEX_URL=""
COPY requirements.txt requirements-demo.txt /build/
# Python compiles what the demo imports below, and need not keep what it never does. Headers are for building on torch.
RUN PIP_EXTRA_INDEX_URL="${EXTRA_INDEX_URL}" python3 -m pip install \
        --no-cache-dir --no-compile --root-user-action ignore --target /packages \
        --requirement /build/requirements-demo.txt --constraint /build/requirements.txt \
    && rm -r /packages/torch/include /packages/bin

FROM python:3.11-slim-bookworm AS media
COPY packages.txt /build/
# Of what Debian installs with ffmpeg half is drivers for screens: keep the program and the libraries it is linked to.
RUN apt-get update \
    && xargs apt-get install --yes --no-install-recommends < /build/packages.txt \
    && mkdir /media/ffmpeg \
    && ldd /usr/bin/ffmpeg | sed --quiet 's,.*=> \(/usr\)\?\(/lib/[^ ]*\).*,/usr\2,p' \
        | xargs cp --parents --dereference --target-directory /media/ffmpeg /usr/bin/ffmpeg

FROM python:3.11-slim-bookworm
RUN useradd --uid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin demo
COPY --from=media /media/ffmpeg/usr /usr
COPY --from=packages /packages /packages
WORKDIR /app
COPY . .
ENV PYTHONPATH=/packages \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_TEMP_DIR=/tmp/gradio \
    HF_HUB_OFFLINE=1
# Load the model once: an image whose demo cannot start is not made, and the real start finds its code compiled.
RUN python3 -c "import app; app.build_demo(app.load_recognizer(app.parse_arguments([]).model))" && rm -rf /tmp/*
USER 1000:1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python3", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('GRADIO_SERVER_PORT') or 7860}/config\", timeout=8)"]
CMD ["python3", "app.py"]
