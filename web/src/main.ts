// The page: a recording in, the answer out. Nothing is sent anywhere.

import { chart } from "./chart";
import { capital, create } from "./elements";
import { type Analysis, Recognizer, type Settings, SilenceError } from "./recognizer";
import { decode, record, RecordingError } from "./recording";

const ADJECTIVES: Record<string, string> = { disgust: "disgusted" };

const byId = (id: string) => document.getElementById(id) as HTMLElement;
const recordButton = byId("record") as HTMLButtonElement;
const fileInput = byId("file") as HTMLInputElement;
const player = byId("player") as HTMLAudioElement;
const ready = Recognizer.load();
let stop: (() => Promise<Blob>) | null = null;
let latest = 0; // an answer never stands beside a recording it is not about

ready.then(
  () => document.body.setAttribute("data-ready", ""),
  () => showCard("error", "The page is incomplete", "The model could not be loaded. Reload the page.", "alert"),
);

recordButton.addEventListener("click", async () => {
  if (stop) {
    const recording = await stop();
    stop = null;
    recordButton.textContent = "Record";
    recordButton.classList.remove("recording");
    await analyse(recording);
    return;
  }
  clear();
  try {
    stop = await record();
    recordButton.textContent = "Stop";
    recordButton.classList.add("recording");
    showCard("empty", "Recording", "Say a sentence, then press Stop.");
  } catch (error) {
    showError(error);
  }
});
fileInput.addEventListener("change", () => {
  if (fileInput.files?.[0]) void analyse(fileInput.files[0]);
  fileInput.value = ""; // so that the same file can be chosen again
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (file) void analyse(file);
});
player.addEventListener("timeupdate", () =>
  byId("chart").firstElementChild?.dispatchEvent(new CustomEvent("seconds", { detail: player.currentTime })),
);

/** Analyse a recording and show what came out. */
async function analyse(recording: Blob): Promise<void> {
  clear();
  const number = ++latest;
  showCard("empty", "Analysing", "One moment.");
  try {
    const recognizer = await ready;
    const waveform = await decode(recording, recognizer.settings.samplingRate);
    const start = performance.now();
    const found = await recognizer.analyse(waveform, (share) => {
      if (number === latest) showCard("empty", "Analysing", `${Math.round(100 * share)}%`);
    });
    performance.measure("analyse", { start });
    if (number === latest) show(recording, waveform, found, recognizer.settings);
  } catch (error) {
    if (number === latest) showError(error);
  }
}

function clear(): void {
  latest++;
  if (player.src) URL.revokeObjectURL(player.src);
  player.removeAttribute("src");
  player.hidden = true;
  byId("bars").replaceChildren();
  byId("chart").replaceChildren();
  document.body.removeAttribute("data-answer");
}

function show(recording: Blob, waveform: Float32Array, found: Analysis, settings: Settings): void {
  player.src = URL.createObjectURL(recording);
  player.hidden = false;
  const { probabilities } = found;
  const order = settings.emotions.map((_, label) => label).sort((a, b) => probabilities[b] - probabilities[a]);
  const first = settings.emotions[order[0]];
  const adjective = (name: string) => ADJECTIVES[name] ?? name;
  const likely = (label: number) => `${adjective(settings.emotions[label])} (${percent(probabilities[label])})`;
  const likeliest = `perhaps ${likely(order[0])} or ${likely(order[1])}.`;
  const meaning = confidence(probabilities[order[0]], settings.confidenceSteps);
  if (found.isOutOfDistribution)
    showCard("unsure", "Not sure", `This recording is unlike the speech that the model was trained on. If it is speech, ${likeliest}`);
  else if (probabilities[order[0]] < settings.notSureBelow)
    showCard("unsure", "Not sure", `${capital(likeliest)} ${meaning}`);
  else showCard(`emotion-${first}`, capital(first), `The speaker sounds ${likely(order[0])}. ${meaning}`);
  byId("bars").replaceChildren(
    ...order.map((label) => {
      const fill = create("span.fill");
      fill.style.width = percent(probabilities[label]);
      const name = settings.emotions[label];
      return create(
        `li.bar-row.emotion-${name}`,
        create("span", capital(name)),
        create("span.track", fill),
        create("span.percent", percent(probabilities[label])),
      );
    }),
  );
  byId("chart").replaceChildren(
    chart(waveform, found, settings.emotions, (seconds) => {
      player.currentTime = seconds;
      void player.play();
    }),
  );
  // For tests and for whoever scripts the page.
  document.body.setAttribute("data-answer", JSON.stringify(found));
}

function showError(error: unknown): void {
  if (error instanceof SilenceError)
    showCard("empty", "Silence", "The recording is silent. Check that the right microphone is chosen and not muted.");
  else if (error instanceof RecordingError) showCard("error", "That did not work", error.message, "alert");
  else {
    showCard("error", "That did not work", "The recording could not be analysed. Try another one.", "alert");
    throw error;
  }
}

function showCard(kind: string, word: string, sentence: string, role = "status"): void {
  const card = byId("verdict");
  card.className = `verdict ${kind}`;
  card.setAttribute("role", role);
  card.replaceChildren(create("span.swatch"), create("div", create("p.word", word), create("p.sentence", sentence)));
}

/** How often such answers were right for unseen speakers, in the words of ser/recognizer/confidence.py. */
function confidence(highest: number, steps: [number, number][]): string {
  const step = steps.filter(([lowest]) => highest >= lowest).pop();
  if (!step) return "";
  const inTen = Math.round(10 * step[1]);
  const amount = inTen === 0 ? "Hardly any" : inTen === 10 ? "Nearly all" : `About ${inTen} in 10`;
  return `${amount} such answers are right.`;
}

function percent(probability: number): string {
  return `${Math.round(100 * probability)}%`;
}

if ("serviceWorker" in navigator) void navigator.serviceWorker.register("service_worker.js");
