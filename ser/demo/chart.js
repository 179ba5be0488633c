// The player of a recording: a click or the arrow keys choose a moment, the rows show its values, and the table
// of segments marks those of the moment; a row of it plays from its start.
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

const segmentsOf = (figure) => {
  figure.segments ??= [...figure.querySelectorAll("tr[data-start]")].map((row) => ({
    row,
    start: Number(row.dataset.start),
    end: Number(row.dataset.end),
  }));
  return figure.segments;
};

// Marks the rows of a moment and keeps the first of them in view, without scrolling the page.
const mark = (figure, seconds) => {
  const current = segmentsOf(figure).filter(({ row, start, end }) => {
    const isCurrent = start <= seconds && seconds < end;
    if (isCurrent) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    return isCurrent;
  });
  if (!current.length) return;
  const list = figure.querySelector(".segments");
  const head = list.querySelector("thead").offsetHeight;
  const { offsetTop, offsetHeight } = current[0].row;
  if (offsetTop < list.scrollTop + head) list.scrollTop = offsetTop - head;
  const hidden = offsetTop + offsetHeight - list.scrollTop - list.clientHeight;
  if (hidden > 0) list.scrollTop += hidden;
};

const show = (figure, seconds) => {
  const area = figure.querySelector(".plot-area");
  figure.moment = seconds;
  place(figure, ".head", seconds);
  mark(figure, seconds);
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
  const row = event.target.closest("tr[data-start]");
  if (event.target.closest(".play")) toggle(figure);
  if (!area && !row) return;
  seek(figure, area ? secondsAt(event, area) : Number(row.dataset.start));
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

// From one row of the table to the next.
const step = (event, row) => {
  const rows = segmentsOf(figureOf(event)).map((segment) => segment.row);
  const now = rows.indexOf(row);
  const targets = { ArrowUp: now - 1, ArrowDown: now + 1, Home: 0, End: rows.length - 1 };
  if (!(event.key in targets)) return;
  event.preventDefault();
  const next = rows[Math.min(Math.max(targets[event.key], 0), rows.length - 1)].querySelector("button");
  row.querySelector("button").tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
};

element.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("tr[data-start]");
  if (row) step(event, row);
  const area = event.target.closest?.(".plot-area");
  if (!area) return;
  const figure = area.closest("figure");
  const { duration, windows } = dataOf(figure);
  const now = figure.moment ?? 0;
  const hop = windows.length > 1 ? windows[1][0] - windows[0][0] : duration / 50;
  const targets = {
    ArrowLeft: now - hop,
    ArrowDown: now - hop,
    ArrowRight: now + hop,
    ArrowUp: now + hop,
    PageDown: now - 10 * hop,
    PageUp: now + 10 * hop,
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
const showState = (event) => {
  const figure = figureOf(event);
  const button = figure?.querySelector(".play");
  if (!button) return;
  button.setAttribute("aria-label", event.target.paused ? "Play" : "Pause");
  follow(figure);
};
element.addEventListener("play", showState, true);
element.addEventListener("pause", showState, true);
element.addEventListener("ended", showState, true);

let shown = null;
watch("value", () => {
  shown?.querySelector("audio").pause();
  document.querySelector("#answer")?.scrollIntoView({ block: "nearest" }); // a phone shows the inputs alone
  shown = element.querySelector("figure.chart");
  if (!shown) return;
  // Gradio changes the elements of the drawing before: nothing that was noted about it holds any longer.
  for (const name of ["chart", "segments", "moment"]) delete shown[name];
  if (shown.hasAttribute("data-autoplay")) play(shown);
});
