// The cursor of a recording's drawing: pointer or arrow keys choose a moment, the rows show its values.
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

const show = (figure, seconds) => {
  const chart = JSON.parse(figure.dataset.chart);
  const area = figure.querySelector(".plot-area");
  const moment = Math.min(Math.max(seconds, 0), chart.duration);
  const cursor = figure.querySelector(".cursor");
  cursor.hidden = false;
  cursor.style.left = `${(100 * moment) / chart.duration}%`;
  const said = [clock(moment)];
  let heading = clock(moment);
  if (chart.attention.length) {
    const column = Math.min(
      Math.floor((moment / chart.duration) * chart.attention.length),
      chart.attention.length - 1,
    );
    figure.querySelector("[data-attention]").textContent = `${chart.attention[column]}%`;
    said.push(`listened to ${chart.attention[column]}% of the most`);
  }
  if (chart.windows.length) {
    const [start, end, percent] = windowAt(chart.windows, moment);
    chart.emotions.forEach((emotion, index) => {
      const value = figure.querySelector(`[data-emotion="${emotion}"]`);
      value.textContent = percent ? `${percent[index]}%` : "–";
    });
    const order = chart.emotions.map((emotion, index) => [emotion, percent ? percent[index] : 0]);
    order.sort((a, b) => b[1] - a[1]);
    said.push(percent ? order.slice(0, 3).map(([name, value]) => `${name} ${value}%`).join(", ") : "silence");
    heading += ` · heard from ${clock(start)} to ${clock(end)}${percent ? "" : ": silence"}`;
  }
  figure.querySelector(".moment").textContent = heading;
  area.setAttribute("aria-valuenow", moment.toFixed(1));
  area.setAttribute("aria-valuetext", said.join(": "));
};

const pointed = (event) => {
  const area = event.target.closest?.(".plot-area");
  if (!area) return;
  const box = area.getBoundingClientRect();
  const figure = area.closest("figure");
  show(figure, ((event.clientX - box.left) / box.width) * JSON.parse(figure.dataset.chart).duration);
};

const pressed = (event) => {
  const area = event.target.closest?.(".plot-area");
  if (!area) return;
  const figure = area.closest("figure");
  const { duration, windows } = JSON.parse(figure.dataset.chart);
  const now = Number(area.getAttribute("aria-valuenow"));
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
  if (!(event.key in targets)) return;
  event.preventDefault();
  show(figure, targets[event.key]);
};

element.addEventListener("pointermove", pointed);
element.addEventListener("pointerdown", pointed);
element.addEventListener("keydown", pressed);
