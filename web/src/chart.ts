// A recording drawn along time, as the demo draws it: the waveform with attention, and a row for each emotion.

import { capital, create } from "./elements";
import type { Analysis, Window } from "./recognizer";

const NUM_COLUMNS = 200;
const TICK_STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120];
const MAX_NUM_TICKS = 7;

/** Draw one recording. `seek` is called with the moment that is chosen. */
export function chart(
  waveform: Float32Array,
  analysis: Analysis,
  emotions: string[],
  seek: (seconds: number) => void,
): HTMLElement {
  const { duration, windows } = analysis;
  const attention = attentionColumns(analysis);
  const rows = create("div.rows", waveformRow(waveform, attention));
  if (windows.length) rows.append(...emotions.map((emotion, label) => emotionRow(emotion, label, windows, duration)));
  rows.append(axisRow(duration));
  const area = create("div.plot-area", create("div.cursor"));
  rows.append(area);
  const moment = create("p.moment");
  const caption =
    "The recording. The stronger its colour and the higher the line, the more that moment counted." +
    (windows.length ? " Below, the probability of each emotion over windows of three seconds; hatched is silence." : "");
  area.tabIndex = 0;
  set(area, { role: "slider", "aria-label": "Moment of the recording", "aria-valuemin": "0" });
  set(area, { "aria-valuemax": duration.toFixed(1), "aria-valuenow": "0", "aria-valuetext": summary(windows, emotions) });

  let now = 0;
  const show = (seconds: number) => {
    now = Math.min(Math.max(seconds, 0), duration);
    (area.firstElementChild as HTMLElement).style.left = `${(100 * now) / duration}%`;
    const share = attention[Math.min(Math.floor((now / duration) * attention.length), attention.length - 1)];
    const parts = [clock(now), `attention ${Math.round(100 * share)}% of the highest`];
    const window = closest(windows, now);
    if (window?.probabilities) {
      const best = window.probabilities.indexOf(Math.max(...window.probabilities));
      parts.push(`${emotions[best]} ${Math.round(100 * window.probabilities[best])}%`);
    } else if (window) parts.push("silence");
    moment.textContent = parts.join(", ");
    set(area, { "aria-valuenow": now.toFixed(1), "aria-valuetext": parts.join(", ") });
  };
  const secondsAt = (event: PointerEvent) => {
    const box = area.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * duration;
  };
  area.addEventListener("pointermove", (event) => show(secondsAt(event)));
  area.addEventListener("click", (event) => seek(secondsAt(event as PointerEvent)));
  area.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 1 : 0.1;
    const to = { ArrowLeft: now - step, ArrowRight: now + step, Home: 0, End: duration }[event.key];
    if (to !== undefined) show(to);
    else if (event.key === "Enter") seek(now);
    else return;
    event.preventDefault();
  });
  const figure = create("figure.chart", create("figcaption", caption), rows, moment);
  figure.addEventListener("seconds", (event) => show((event as CustomEvent<number>).detail)); // while it plays
  show(0);
  return figure;
}

/** Minutes and seconds, such as 1:05.3. */
function clock(seconds: number): string {
  const tenths = Math.round(10 * seconds);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}${tenths % 10 ? "." + (tenths % 10) : ""}`;
}

function set(element: HTMLElement, attributes: Record<string, string>): void {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function closest(windows: Window[], seconds: number): Window | undefined {
  const distance = (window: Window) => Math.abs((window.start + window.end) / 2 - seconds);
  return windows.length ? windows.reduce((a, b) => (distance(b) < distance(a) ? b : a)) : undefined;
}

/** The strongest emotion of each part in words: "0:00 sad, 0:06 angry". */
function summary(windows: Window[], emotions: string[]): string {
  const parts: string[] = [];
  let last = "";
  for (const { start, probabilities } of windows) {
    const name = probabilities ? emotions[probabilities.indexOf(Math.max(...probabilities))] : "silence";
    if (name !== last) parts.push(`${clock(start)} ${(last = name)}`);
  }
  return parts.slice(0, 8).join(", ") || "start";
}

/** Attention in columns of equal time, the mean of its frames, from 0 to 1. */
function attentionColumns({ attention, duration }: Analysis): number[] {
  const frameSeconds = attention.length > 1 ? attention[1].time - attention[0].time : duration;
  const numColumns = Math.max(1, Math.min(NUM_COLUMNS, Math.floor(duration / frameSeconds)));
  const sums = new Array<number>(numColumns).fill(0);
  const counts = new Array<number>(numColumns).fill(0);
  for (const { time, weight } of attention) {
    const column = Math.min(Math.floor((time / duration) * numColumns), numColumns - 1);
    sums[column] += weight;
    counts[column]++;
  }
  const columns = sums.map((sum, column) => sum / Math.max(counts[column], 1));
  const highest = Math.max(...columns, 1e-12);
  return columns.map((value) => value / highest);
}

function waveformRow(waveform: Float32Array, attention: number[]): HTMLElement {
  const numPeaks = Math.min(NUM_COLUMNS, waveform.length);
  const peaks = Array.from({ length: numPeaks }, (_, column) => {
    let peak = 0;
    const end = Math.floor(((column + 1) * waveform.length) / numPeaks);
    for (let at = Math.floor((column * waveform.length) / numPeaks); at < end; at++)
      peak = Math.max(peak, Math.abs(waveform[at]));
    return peak;
  });
  const highest = Math.max(...peaks, 1e-9);
  const side = (sign: number) =>
    peaks.map((peak, column) => `${(100 * column) / (numPeaks - 1)}% ${50 + sign * (1 + (48 * peak) / highest)}%`);
  const outline = `polygon(${[...side(-1), ...side(1).reverse()].join()})`;
  const middle = (column: number) => (100 * (column + 0.5)) / attention.length;
  const sound = create("div.shape.sound");
  const attended = create("div.shape.attended");
  sound.style.clipPath = attended.style.clipPath = outline;
  attended.style.maskImage = `linear-gradient(to right,${attention.map((share, column) => `rgb(0 0 0/${share.toFixed(2)}) ${middle(column).toFixed(2)}%`).join()})`;
  const line = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  line.setAttribute("viewBox", "0 0 100 100");
  line.setAttribute("preserveAspectRatio", "none");
  const polyline = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  polyline.setAttribute("points", attention.map((share, column) => `${middle(column).toFixed(2)},${(98 - 94 * share).toFixed(1)}`).join(" "));
  polyline.setAttribute("vector-effect", "non-scaling-stroke");
  line.append(polyline);
  return create("div.row.waveform", create("span.name", "Attention"), create("div.plot", sound, attended, line));
}

function emotionRow(emotion: string, label: number, windows: Window[], duration: number): HTMLElement {
  const plot = create("div.plot");
  const percent = (seconds: number) => `${(100 * seconds) / duration}%`;
  for (const run of runs(windows, duration)) {
    const shape = create(run[0].window.probabilities ? "div.shape.sounding" : "div.shape.silence");
    const top = (window: Window) => `${100 - 100 * (window.probabilities?.[label] ?? 1)}%`;
    const points = run.flatMap(({ from, to, window }) => [`${percent(from)} ${top(window)}`, `${percent(to)} ${top(window)}`]);
    shape.style.clipPath = `polygon(${percent(run[0].from)} 100%,${points.join()},${percent(run[run.length - 1].to)} 100%)`;
    plot.append(shape);
  }
  const name = create("span.name", create("span.swatch"), capital(emotion));
  return create(`div.row.emotion-${emotion}`, name, plot);
}

interface Shown {
  from: number;
  to: number;
  window: Window;
}

/** Neighbouring windows that all sound or are all silent, each with the time for which it is closest. */
function runs(windows: Window[], duration: number): Shown[][] {
  const found: Shown[][] = [];
  windows.forEach((window, number) => {
    const middle = (at: number) => (windows[at].start + windows[at].end) / 2;
    const from = number ? (middle(number - 1) + middle(number)) / 2 : 0;
    const to = number < windows.length - 1 ? (middle(number) + middle(number + 1)) / 2 : duration;
    const before = found[found.length - 1];
    const joins = before && !before[0].window.probabilities === !window.probabilities;
    if (joins) before.push({ from, to, window });
    else found.push([{ from, to, window }]);
  });
  return found;
}

function axisRow(duration: number): HTMLElement {
  const step = TICK_STEPS.find((each) => duration / each <= MAX_NUM_TICKS) ?? TICK_STEPS[TICK_STEPS.length - 1];
  const plot = create("div.plot");
  for (let tick = 0; tick <= duration; tick += step) {
    const mark = create("span", clock(tick));
    mark.style.left = `${(100 * tick) / duration}%`;
    plot.append(mark);
  }
  const row = create("div.row.axis", create("span"), plot);
  row.ariaHidden = "true";
  return row;
}
