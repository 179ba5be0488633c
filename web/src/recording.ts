// Sound files and the microphone, to mono samples at the model's rate.

const MIN_SECONDS = 0.1;
const MAX_SECONDS = 600;
const DECODING_FACTOR = 3; // files are decoded at so many times the model's rate: 48 kHz, as most are recorded
const PASS_BAND = 0.913;
const REJECTION_DB = 120;

/** A recording that cannot be used; the message says what to do. */
export class RecordingError extends Error {}

/** Decode a sound file, mix it to mono and resample it. */
export async function decode(file: Blob, samplingRate: number): Promise<Float32Array> {
  const bytes = await file.arrayBuffer();
  const isAtRate = headerRate(new DataView(bytes)) === samplingRate;
  let buffer: AudioBuffer;
  try {
    // A browser's own resampling to low rates is too coarse: it changes probabilities by up to 0.07.
    const rate = isAtRate ? samplingRate : DECODING_FACTOR * samplingRate;
    buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  } catch {
    throw new RecordingError(
      "This file is damaged, or of a kind that this browser cannot play. Use WAV, FLAC, MP3 or OGG.",
    );
  }
  if (!(buffer.duration >= MIN_SECONDS && buffer.duration <= MAX_SECONDS))
    throw new RecordingError(
      `The recording lasts ${buffer.duration.toFixed(1)} s; expected ${MIN_SECONDS} s to ten minutes.`,
    );
  const mono = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let at = 0; at < mono.length; at++) mono[at] += samples[at] / buffer.numberOfChannels;
  }
  return isAtRate ? mono : decimate(mono);
}

/** The sampling rate in the header of a WAV or FLAC file; 0 for other kinds. */
function headerRate(file: DataView): number {
  if (file.byteLength < 28) return 0;
  const isWav = file.getUint32(0) === 0x52494646 && file.getUint32(12) === 0x666d7420; // "RIFF", "fmt "
  const isFlac = file.getUint32(0) === 0x664c6143; // "fLaC"
  return isWav ? file.getUint32(24, true) : isFlac ? file.getUint32(18) >>> 12 : 0;
}

/** Keep every third sample after a low-pass with the pass band of soxr's high quality (Kaiser, 1974). */
function decimate(samples: Float32Array): Float32Array {
  const nyquist = 1 / (2 * DECODING_FACTOR); // of the result, in cycles a sample
  const cutoff = nyquist * (1 + PASS_BAND) * 0.5;
  const transition = 2 * Math.PI * nyquist * (1 - PASS_BAND);
  const half = Math.ceil((REJECTION_DB - 7.95) / (2.285 * transition) / 2);
  const beta = 0.1102 * (REJECTION_DB - 8.7);
  const taps = Float64Array.from({ length: half + 1 }, (_, at) => {
    const sinc = at ? Math.sin(2 * Math.PI * cutoff * at) / (Math.PI * at) : 2 * cutoff;
    return (sinc * bessel(beta * Math.sqrt(1 - (at / half) ** 2))) / bessel(beta);
  });
  const padded = new Float32Array(samples.length + 2 * half);
  padded.set(samples, half);
  return Float32Array.from({ length: Math.ceil(samples.length / DECODING_FACTOR) }, (_, at) => {
    const middle = at * DECODING_FACTOR + half;
    let sum = taps[0] * padded[middle];
    for (let tap = 1; tap <= half; tap++) sum += taps[tap] * (padded[middle - tap] + padded[middle + tap]);
    return sum;
  });
}

/** The modified Bessel function of the first kind and order zero. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

/** Start recording; the function that comes back stops it and gives the recording. */
export async function record(): Promise<() => Promise<Blob>> {
  let stream: MediaStream;
  try {
    // The model learned from unprocessed speech.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    stream = await navigator.mediaDevices.getUserMedia({ audio });
  } catch {
    throw new RecordingError("The microphone cannot be used. Allow this page to use it, or choose a file.");
  }
  const recorder = new MediaRecorder(stream);
  const parts: Blob[] = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.start();
  return () =>
    new Promise((resolve) => {
      recorder.onstop = () => {
        stream.getTracks().forEach((track) => track.stop());
        resolve(new Blob(parts, { type: recorder.mimeType }));
      };
      recorder.stop();
    });
}
