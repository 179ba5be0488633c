// The player of a recording: a click or the arrow keys choose a moment, the rows show its values.
// Runs once for the element that holds the drawing; the drawing itself is replaced with every answer.

const clock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
};

const windowAt = (windows, seconds) => {
  const distance = ([start, end]) => Math.abs((start + end) / 2 - seconds);
  return windows.reduce((best, each) => (distance(each) < distance(best) ? each : best), windows[0]);
};

const dataOf = (figure) => {
  figure.chart ??= JSON.parse(figure.dataset.chart);
  return figure.chart;
};

const audioOf = (figure) => {
  const audio = figure.querySelector("audio");
  if (!audio.src) audio.src = `${window.gradio_config?.root ?? ""}/gradio_api/file=${audio.dataset.path}`;
  return audio;
};

const place = (figure, selector, seconds) => {
  const line = figure.querySelector(selector);
  line.hidden = false;
  line.style.left = `${(100 * seconds) / dataOf(figure).duration}%`;
};

// Writes the values of a moment into the rows; returns them in words.
const read = (figure, seconds) => {
  const chart = dataOf(figure);
  const said = [clock(seconds)];
  let heading = clock(seconds);
  if (chart.attention.length) {
    const column = Math.floor((seconds / chart.duration) * chart.attention.length);
    const share = chart.attention[Math.min(column, chart.attention.length - 1)];
    figure.querySelector("[data-attention]").textContent = `${share}%`;
    said.push(`attention ${share}% of the highest`);
  }
  if (chart.windows.length) {
    const [start, end, percent] = windowAt(chart.windows, seconds);
    figure.querySelectorAll("[data-emotion]").forEach((value, index) => {
      value.textContent = percent ? `${percent[index]}%` : "–";
    });
    const order = chart.emotions.map((emotion, index) => [emotion, percent ? percent[index] : 0]);
    order.sort((a, b) => b[1] - a[1]);
    said.push(percent ? order.slice(0, 3).map(([name, value]) => `${name} ${value}%`).join(", ") : "silence");
    heading += ` · analysed from ${clock(start)} to ${clock(end)}${percent ? "" : ": silence"}`;
  }
  figure.querySelector(".moment").textContent = heading;
  return said.join(": ");
};

const show = (figure, seconds) => {
  const area = figure.querySelector(".plot-area");
  figure.moment = seconds;
  place(figure, ".head", seconds);
  area.setAttribute("aria-valuenow", seconds.toFixed(1));
  area.setAttribute("aria-valuetext", read(figure, seconds));
};

const seek = (figure, seconds) => {
  const moment = Math.min(Math.max(seconds, 0), dataOf(figure).duration);
  const audio = audioOf(figure);
  audio.currentTime = moment; // kept as the start of playing where nothing is loaded yet
  show(figure, moment);
};

const follow = (figure) => {
  const audio = audioOf(figure);
  if (!figure.isConnected) audio.pause();
  if (audio.paused) return;
  show(figure, Math.min(audio.currentTime, dataOf(figure).duration));
  requestAnimationFrame(() => follow(figure));
};

const play = (figure) => {
  for (const other of document.querySelectorAll("audio")) if (other !== audioOf(figure)) other.pause();
  audioOf(figure).play().catch(() => {}); // a browser may refuse to play what nobody clicked on
};

const toggle = (figure) => (audioOf(figure).paused ? play(figure) : audioOf(figure).pause());

const figureOf = (event) => event.target.closest?.("figure.chart");

const secondsAt = (event, area) => {
  const box = area.getBoundingClientRect();
  const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  return share * dataOf(area.closest("figure")).duration;
};

element.addEventListener("click", (event) => {
  const figure = figureOf(event);
  if (!figure) return;
  const area = event.target.closest(".plot-area");
  const stretch = event.target.closest(".stretch");
  if (event.target.closest(".play")) toggle(figure);
  if (!area && !stretch) return;
  seek(figure, area ? secondsAt(event, area) : Number(stretch.dataset.start));
  play(figure);
});

element.addEventListener("pointermove", (event) => {
  const area = event.target.closest?.(".plot-area");
  if (!area || event.pointerType === "touch") return;
  const seconds = secondsAt(event, area);
  place(area.closest("figure"), ".cursor", seconds);
  read(area.closest("figure"), seconds);
});

element.addEventListener("pointerout", (event) => {
  const area = event.target.closest?.(".plot-area");
  if (!area || area.contains(event.relatedTarget)) return;
  area.querySelector(".cursor").hidden = true;
  read(area.closest("figure"), area.closest("figure").moment ?? 0);
});

element.addEventListener("keydown", (event) => {
  const area = event.target.closest?.(".plot-area");
  if (!area) return;
  const figure = area.closest("figure");
  const { duration, windows } = dataOf(figure);
  const now = figure.moment ?? 0;
  const step = windows.length > 1 ? windows[1][0] - windows[0][0] : duration / 50;
  const targets = {
    ArrowLeft: now - step,
    ArrowDown: now - step,
    ArrowRight: now + step,
    ArrowUp: now + step,
    PageDown: now - 10 * step,
    PageUp: now + 10 * step,
    Home: 0,
    End: duration,
  };
  const plays = event.key === " " || event.key === "Enter";
  if (!plays && !(event.key in targets)) return;
  event.preventDefault();
  if (plays) toggle(figure);
  else seek(figure, targets[event.key]);
});

// Events of players do not bubble: they are caught on their way down.
const mark = (event) => {
  const figure = figureOf(event);
  const button = figure?.querySelector(".play");
  if (!button) return;
  button.setAttribute("aria-label", event.target.paused ? "Play" : "Pause");
  follow(figure);
};
element.addEventListener("play", mark, true);
element.addEventListener("pause", mark, true);
element.addEventListener("ended", mark, true);

let playing = null;
watch("value", () => {
  if (playing && !playing.isConnected) playing.querySelector("audio").pause();
  document.querySelector("#answer")?.scrollIntoView({ block: "nearest" }); // a phone shows the inputs alone
  playing = element.querySelector("figure.chart");
  if (playing?.hasAttribute("data-autoplay")) play(playing);
});
