# The demo with its model as an ONNX graph, for a user without rights; it writes to /tmp alone.
#
#   docker build --tag speech-emotion .

FROM python:3.11-slim-bookworm AS packages
COPY requirements-demo.lock requirements.lock /build/
# Python compiles what the demo imports below. What the demo never uses is removed: tests, ONNX Runtime's library for C
# beside the one for Python and its tools, Gradio's server-side rendering, sample media and the editor of its video
# component, and the Hub's transfer library. `pip check` fails if a package is missing. After it comes silero-vad, of
# which the demo reads one file, without the torch that it requires.
RUN python3 -m venv --without-pip /packages \
    && python3 -m pip --python /packages --no-cache-dir install --no-compile --no-deps --require-hashes \
        --requirement /build/requirements-demo.lock \
    && python3 -m pip --python /packages check \
    && sed --quiet '/^silero-vad==/,/[^\\]$/p' /build/requirements.lock > /build/silero.lock \
    && python3 -m pip --python /packages --no-cache-dir install --no-compile --no-deps --require-hashes \
        --requirement /build/silero.lock \
    && cd /packages/lib/python3.11/site-packages \
    && find numpy pandas -type d -name tests -prune -exec rm -r {} + \
    && find silero_vad/data -type f ! -name '*_sequence.onnx' -delete \
    && rm -r onnxruntime/capi/libonnxruntime.so.* onnxruntime/quantization onnxruntime/tools onnxruntime/transformers \
        gradio/templates/node gradio/templates/frontend/static/ffmpeg gradio/media_assets hf_xet

FROM python:3.11-slim-bookworm AS media
# The loader needs a few audio decoders of ffmpeg (ser/audio/ffmpeg.py names them), 3 MB. Debian's build brings 240 MB of
# libraries, most of them for pictures. Gradio runs ffprobe wherever ffmpeg is installed.
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
ENV PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_TEMP_DIR=/tmp/gradio \
    HF_HUB_OFFLINE=1
# Load the model once: the build fails if the demo cannot start, and a container finds its code compiled.
RUN /packages/bin/python -c "from ser.demo import cli, models, page; page.build_demo(models.Models(['checkpoint'], cli.load_recognizer))" \
    && rm -rf /tmp/*
USER 1000:1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["/packages/bin/python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('GRADIO_SERVER_PORT') or 7860}/config\", timeout=8)"]
CMD ["/packages/bin/python", "app.py"]
