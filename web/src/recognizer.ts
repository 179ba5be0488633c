// The recogniser: the rule of ser/recognizer for short, long and silent recordings around the exported graph.

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";

const BLOCK_SECONDS = 0.025;
const SILENCE_DB = -60;
const DIGITAL_SILENCE_DB = -100;
const ABOVE_FLOOR_DB = 6;
const MIN_SOUND_SECONDS = 0.25;
const TIMELINE_SECONDS = 5;

/** The metadata of the graph, described in docs/onnx.md. */
export interface Settings {
  emotions: string[];
  samplingRate: number;
  minSamples: number;
  notSureBelow: number;
  confidenceSteps: [number, number][]; // lowest highest probability of each, and the share of right answers
  oodThreshold: number | null;
  singlePassSeconds: number;
  windowSeconds: number;
  windowHopSeconds: number;
}

/** A window of a recording; `probabilities` is null where it is silent. */
export interface Window {
  start: number;
  end: number;
  probabilities: number[] | null;
}

/** Everything the page shows of a recording. Times are in seconds. */
export interface Analysis {
  duration: number;
  probabilities: number[];
  windows: Window[];
  attention: { time: number; weight: number }[];
  isOutOfDistribution: boolean;
}

/** Thrown for a silent recording. */
export class SilenceError extends Error {}

function parse(metadata: Record<string, string>): Settings {
  return {
    emotions: JSON.parse(metadata.emotions),
    samplingRate: Number(metadata.sampling_rate),
    minSamples: Number(metadata.min_samples),
    notSureBelow: Number(metadata.not_sure_below),
    confidenceSteps: JSON.parse(metadata.confidence_steps),
    oodThreshold: metadata.ood_threshold === undefined ? null : Number(metadata.ood_threshold),
    singlePassSeconds: Number(metadata.single_pass_seconds),
    windowSeconds: Number(metadata.window_seconds),
    windowHopSeconds: Number(metadata.window_hop_seconds),
  };
}

interface Outputs {
  probabilities: number[];
  attention: Float32Array;
  seconds: Float32Array;
  distance: number;
}

export class Recognizer {
  private constructor(
    private readonly session: InferenceSession,
    readonly settings: Settings,
  ) {}

  static async load(): Promise<Recognizer> {
    env.wasm.numThreads = 1; // more threads would need headers that a static host does not send
    env.wasm.wasmPaths = { wasm: new URL("ort.wasm", document.baseURI).href };
    const [settings, session] = await Promise.all([
      fetch("settings.json").then((response) => response.json()).then(parse),
      InferenceSession.create("model.onnx", { executionProviders: ["wasm"] }),
    ]);
    return new Recognizer(session, settings);
  }

  /** Analyse samples at the model's rate. `onProgress` is called with the share that is done. */
  async analyse(waveform: Float32Array, onProgress: (share: number) => void = () => {}): Promise<Analysis> {
    const { samplingRate, singlePassSeconds, windowSeconds, windowHopSeconds } = this.settings;
    const levels = blockLevels(waveform, samplingRate);
    if (Math.max(...levels) < SILENCE_DB) throw new SilenceError();
    const duration = waveform.length / samplingRate;
    const windows: Window[] = [];
    const outputs = new Map<number, Outputs>(); // by first sample
    if (duration > TIMELINE_SECONDS) {
      const bounds = windowBounds(waveform.length, windowSeconds * samplingRate, windowHopSeconds * samplingRate);
      const sounding = areSounding(levels, bounds, BLOCK_SECONDS * samplingRate);
      for (const [number, [start, end]] of bounds.entries()) {
        if (sounding[number]) outputs.set(start, await this.run(waveform.subarray(start, end)));
        windows.push({
          start: start / samplingRate,
          end: end / samplingRate,
          probabilities: outputs.get(start)?.probabilities ?? null,
        });
        onProgress((number + 1) / bounds.length);
        await new Promise((resolve) => setTimeout(resolve)); // lets the page draw
      }
    }
    if (duration <= singlePassSeconds) {
      outputs.clear();
      outputs.set(0, await this.run(waveform));
    }
    const all = [...outputs.values()];
    // The parts that the answer rests on, without overlap.
    const parts: [number, Outputs][] = [];
    for (const [start, output] of outputs) {
      if (!parts.length || start >= parts[parts.length - 1][0] + windowSeconds * samplingRate)
        parts.push([start, output]);
    }
    const threshold = this.settings.oodThreshold;
    return {
      duration,
      probabilities: this.settings.emotions.map((_, label) => mean(all.map((each) => each.probabilities[label]))),
      windows,
      attention: parts.flatMap(([start, part]) =>
        Array.from(part.attention, (weight, frame) => ({
          time: start / samplingRate + part.seconds[frame],
          weight: weight / parts.length,
        })),
      ),
      isOutOfDistribution:
        threshold !== null && mean(parts.map(([, part]) => Number(part.distance > threshold))) > 0.5,
    };
  }

  private async run(waveform: Float32Array): Promise<Outputs> {
    const padded = new Float32Array(Math.max(waveform.length, this.settings.minSamples));
    padded.set(waveform);
    const found = await this.session.run({
      waveform: new Tensor("float32", padded, [1, padded.length]),
      num_samples: new Tensor("int64", BigInt64Array.of(BigInt(waveform.length)), [1]),
    });
    return {
      probabilities: Array.from(found.probabilities.data as Float32Array),
      attention: found.attention.data as Float32Array,
      seconds: found.attention_seconds.data as Float32Array,
      distance: found.ood_distance ? (found.ood_distance.data as Float32Array)[0] : 0,
    };
  }
}

/** Level of each block of 25 ms in dB relative to full scale, without a constant offset. */
function blockLevels(waveform: Float32Array, samplingRate: number): number[] {
  const block = Math.min(Math.round(BLOCK_SECONDS * samplingRate), waveform.length);
  let offset = 0;
  for (const sample of waveform) offset += sample / waveform.length;
  const levels: number[] = [];
  for (let start = 0; start + block <= waveform.length; start += block) {
    let power = 0;
    for (let at = start; at < start + block; at++) power += (waveform[at] - offset) ** 2 / block;
    levels.push(10 * Math.log10(Math.max(power, 1e-12)));
  }
  return levels;
}

function windowBounds(numSamples: number, length: number, hop: number): [number, number][] {
  const bounds: [number, number][] = [];
  for (let start = 0; start < Math.max(numSamples - length, 0) + hop; start += hop)
    bounds.push([start, Math.min(start + length, numSamples)]);
  return bounds;
}

/** Which windows hold sound above the noise floor; where none does, which hold more than silence. */
function areSounding(levels: number[], bounds: [number, number][], block: number): boolean[] {
  const counts = (threshold: number) =>
    bounds.map(([start, end]) =>
      levels.slice(roundHalfEven(start / block), roundHalfEven(end / block)).filter((level) => level > threshold),
    ).map((sounding) => sounding.length);
  const floor = percentile10(levels.filter((level) => level > DIGITAL_SILENCE_DB));
  const enough = counts(Math.max(SILENCE_DB, floor + ABOVE_FLOOR_DB)).map(
    (count, number) =>
      count >= Math.min(MIN_SOUND_SECONDS / BLOCK_SECONDS, (bounds[number][1] - bounds[number][0]) / block / 2),
  );
  return enough.some(Boolean) ? enough : counts(SILENCE_DB).map((count) => count > 0);
}

/** As Python's `round`. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

function percentile10(values: number[]): number {
  if (!values.length) return DIGITAL_SILENCE_DB;
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) / 10;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
