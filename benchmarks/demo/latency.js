// Run in every page before its own scripts: notes when the microphone's sound sets in, and when the page stops
// saying that it is silent.
window.onsets = [];
window.answers = [];
let loudTime = -Infinity; // over all streams: the page opens one more to draw the waveform
const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => {
  const stream = await getUserMedia(constraints);
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 256;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(256);
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const now = performance.now();
    if (samples.every((sample) => Math.abs(sample) < 0.01)) return;
    if (now - loudTime > 1500) window.onsets.push(now);
    loudTime = now;
  }, 4);
  return stream;
};
addEventListener("DOMContentLoaded", () => {
  let silent = true;
  new MutationObserver(() => {
    const word = document.querySelector(".live-verdict .word");
    if (!word || word.textContent === "Ready") return;
    const silentNow = word.textContent === "Silence" || word.textContent === "Listening";
    if (silent && !silentNow) window.answers.push(performance.now());
    silent = silentNow;
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
});
// ---
// Milliseconds from a click on an example to the frame after its drawing is there.
(example) => new Promise((resolve) => {
  const start = performance.now();
  const observer = new MutationObserver(() => {
    if (document.querySelector("figcaption b")?.textContent !== example) return;
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - start));
  });
  observer.observe(document.body, { childList: true, subtree: true });
  [...document.querySelectorAll("button")].find((button) => button.textContent.trim() === example).click();
})
