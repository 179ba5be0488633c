# The demo with its model as an ONNX graph, for a user without rights; it writes to /tmp alone.
#
#   docker build --tag speech-emotion .
#
# The graph is exported by torch in a stage of its own, unless checkpoint/onnx/ holds it (`python -m ser export --model
# checkpoint`). Pip's own index may have torch only as a large build for graphics cards. If so, name the index with the
# CPU builds:
#   docker build --build-arg EXTRA_INDEX_URL=ADDRESS --tag speech-emotion .

FROM python:3.11-slim-bookworm AS graph
ARG EXTRA_INDEX_URL=""
WORKDIR /build
COPY requirements.lock ./
COPY ser ser
COPY checkpoint checkpoint
# The lock holds every hash. Only a build of torch for graphics cards asks for more, which the second installation
# brings; for the CPU's it does nothing.
RUN export PIP_EXTRA_INDEX_URL="${EXTRA_INDEX_URL}" PIP_NO_CACHE_DIR=1 \
    && test -f checkpoint/onnx/model.onnx || { \
        python3 -m venv /export \
        && /export/bin/pip install --no-compile --no-deps --require-hashes --requirement requirements.lock \
        && /export/bin/pip install --no-compile "$(grep --only-matching '^torch==[^ ]*' requirements.lock)" \
        && /export/bin/python -m ser export --model checkpoint; }

FROM python:3.11-slim-bookworm AS packages
COPY requirements-demo.lock /build/
# Python compiles what the demo imports below, and need not keep what it never does: tests, ONNX Runtime's library for C
# beside the one for Python, its tools, and Gradio's server-side rendering. The check fails where something is missing.
RUN python3 -m venv --without-pip /packages \
    && python3 -m pip --python /packages --no-cache-dir install --no-compile --no-deps --require-hashes \
        --requirement /build/requirements-demo.lock \
    && python3 -m pip --python /packages check \
    && cd /packages/lib/python3.11/site-packages \
    && find numpy pandas -type d -name tests -prune -exec rm -r {} + \
    && rm -r onnxruntime/capi/libonnxruntime.so.* onnxruntime/quantization onnxruntime/tools onnxruntime/transformers \
        gradio/templates/node gradio/media_assets hf_xet

FROM python:3.11-slim-bookworm AS media
# Of ffmpeg the loader needs a few decoders of sound (ser/ffmpeg.py names them), which are 3 MB. Debian's build brings
# 240 MB of libraries, most of them for pictures. Gradio asks ffprobe wherever there is ffmpeg.
WORKDIR /build
RUN sed --in-place 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/*.sources 2>/dev/null \
    || sed --quiet 's/^deb /deb-src /p' /etc/apt/sources.list > /etc/apt/sources.list.d/source.list
RUN apt-get update \
    && apt-get install --yes --no-install-recommends dpkg-dev gcc libc6-dev make \
    && apt-get source --download-only ffmpeg \
    && tar --extract --strip-components=1 --file ffmpeg_*.orig.tar.xz \
    && ./configure --disable-everything --disable-autodetect --disable-network --disable-doc --disable-debug \
        --disable-x86asm --disable-avdevice --disable-swscale --enable-small \
        --enable-protocol=cache,file,pipe \
        --enable-demuxer=aac,amr,asf,caf,flac,matroska,mov,mp3,ogg,wav \
        --enable-parser=aac,flac,mpegaudio,opus,vorbis \
        --enable-decoder=aac,alac,amrnb,amrwb,flac,mp3,mp3float,opus,vorbis,wmapro,wmav1,wmav2 \
        --enable-decoder=pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le \
        --enable-decoder=pcm_s32be,pcm_s32le,pcm_s8,pcm_u8,pcm_alaw,pcm_mulaw \
        --enable-encoder=pcm_f32be,pcm_f32le,pcm_s16le --enable-muxer=au,pcm_f32le,wav \
        --enable-filter=aformat,anull,aresample,atrim \
    && make --jobs "$(nproc)" ffmpeg ffprobe

FROM python:3.11-slim-bookworm
RUN useradd --uid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin demo
COPY --from=media /build/ffmpeg /build/ffprobe /usr/local/bin/
COPY --from=packages /packages /packages
WORKDIR /app
COPY . .
COPY --from=graph /build/checkpoint/onnx/model.onnx checkpoint/onnx/
ENV PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_TEMP_DIR=/tmp/gradio \
    HF_HUB_OFFLINE=1
# Load the model once: an image whose demo cannot start is not made, and the real start finds its code compiled.
RUN /packages/bin/python -c "from ser.demo import cli, models, page; page.build_demo(models.Models(['checkpoint'], cli.load_recognizer))" \
    && rm -rf /tmp/*
USER 1000:1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["/packages/bin/python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('GRADIO_SERVER_PORT') or 7860}/config\", timeout=8)"]
CMD ["/packages/bin/python", "app.py"]
