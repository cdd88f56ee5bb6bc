// Page "sound": a signal, an impulse response, and their convolution, to be seen and heard.

import { choice, h, labeled, perFrame, put, s, shown, slider } from "../lib/dom.js";
import { byFft, byRecursion, decay, direct, echo, largestError } from "../lib/sound.js";
import { fileDrop } from "../lib/images.js";
import { t } from "../lib/texts.js";

export const name = "sound";
export const needs = [];

const POINTS = 96; // samples of the drawn signal
const TAPS = 48; // samples of the drawn impulse response
const RATE = 22050; // samples a second of what is heard
const [WIDTH, HEIGHT] = [900, 150];
const SHAPES = { pulse: (n) => (n >= 12 && n < 36 ? 1 : 0), impulse: (n) => (n === 12 ? 1 : 0), wave: (n) => (n < 60 ? Math.sin(n / 3) : 0), steps: (n) => (n < 60 ? Math.sign(Math.sin(n / 5)) : 0) };

/** Open the page. */
export function open(main) {
  const state = { x: Float64Array.from({ length: POINTS }, (_, n) => SHAPES.pulse(n)), kind: "decay", alpha: 0.1, delay: 12, strength: 0.6, n: 40, timer: null, heard: null, context: null };
  const places = { x: plot(t("sound.signal")), h: plot(t("sound.response")), slide: plot(t("sound.sliding")), y: plot(t("sound.result")), errors: h("div"), formula: h("p", { class: "formula" }), heard: h("p", { class: "quiet", "aria-live": "polite" }), settings: h("div", { class: "columns" }) };
  const at = slider(t("sound.position"), { min: 0, max: POINTS + TAPS - 2, step: 1, value: state.n, words: (n) => `n = ${n}` }, (n) => { state.n = n; update(); });
  const play = h("button", { type: "button", onclick: toggle }, t("convolve.play"));
  const alpha = slider(t("sound.alpha"), { min: 0.01, max: 1, step: 0.01, value: 0.1, words: (v) => v.toFixed(2) }, (v) => { state.alpha = v; update(); });
  const delay = slider(t("sound.delay"), { min: 2, max: 23, step: 1, value: 12 }, (v) => { state.delay = v; update(); });
  const strength = slider(t("sound.strength"), { min: 0.1, max: 0.95, step: 0.05, value: 0.6, words: (v) => v.toFixed(2) }, (v) => { state.strength = v; update(); });
  const tutorial = h("button", { type: "button", onclick: () => { state.alpha = 13 / POINTS; alpha.set(state.alpha); update(); } }, t("sound.tutorial"));
  const record = h("button", { type: "button", onclick: toggleRecording }, t("sound.record"));
  const own = fileDrop(t("sound.own"), "audio/*", async (file) => listen(await audio().decodeAudioData(await file.arrayBuffer())));
  main.append(
    h("section", { class: "card" },
      h("div", { class: "row" }, h("h2", {}, t("sound.signal")), Object.keys(SHAPES).map((shape) => h("button", { type: "button", onclick: () => { state.x = Float64Array.from({ length: POINTS }, (_, n) => SHAPES[shape](n)); update(); } }, t(`sound.shape_${shape}`)))),
      places.x, h("p", { class: "quiet" }, t("sound.draw"))),
    h("section", { class: "card" }, h("div", { class: "row" }, labeled(t("sound.response"), choice([["decay", t("sound.decay")], ["echo", t("sound.echo")]], "decay", (kind) => { state.kind = kind; settings(); update(); })), places.settings), places.h),
    h("section", { class: "card" }, h("div", { class: "row" }, h("h2", {}, t("sound.sliding")), at.field, play), places.slide, places.formula, h("h2", {}, t("sound.result")), places.y),
    h("section", { class: "card" }, h("h2", {}, t("sound.ways")), places.errors),
    h("section", { class: "card" }, h("h2", {}, t("sound.listen")), h("div", { class: "row" },
      h("button", { type: "button", onclick: () => sound(dry()) }, t("sound.before")), h("button", { type: "button", class: "primary", onclick: () => sound(wet()) }, t("sound.after")), record, own.element), places.heard));

  function settings() {
    put(places.settings, ...(state.kind === "decay" ? [alpha.field, tutorial] : [delay.field, strength.field]));
  }

  function response() {
    return state.kind === "decay" ? decay(state.alpha, TAPS) : echo(state.delay, state.strength, Math.floor((TAPS - 1) / state.delay));
  }

  const update = perFrame(() => {
    const [x, r] = [state.x, response()];
    const y = direct(x, r);
    const reach = [-(TAPS - 1), POINTS + TAPS - 1];
    bars(places.x, x, { from: 0, range: [0, POINTS + TAPS - 1] });
    bars(places.h, r, { from: 0, range: [0, POINTS + TAPS - 1], color: "var(--signal)" });
    const flipped = Float64Array.from(r).reverse();
    const products = Float64Array.from(x, (value, k) => value * (r[state.n - k] ?? 0));
    bars(places.slide, x, { from: 0, range: reach, over: [{ values: flipped, from: state.n - r.length + 1, color: "var(--signal)" }, { values: products, from: 0, color: "#2e8b57", solid: true }] });
    bars(places.y, y, { from: 0, range: reach, mark: state.n });
    const terms = Array.from(products, (p, k) => [p, k]).filter(([p]) => Math.abs(p) > 1e-9);
    const [first, last] = [terms[0]?.[1], terms.at(-1)?.[1]];
    places.formula.textContent = terms.length ? t("sound.formula", { n: state.n, first, last, count: terms.length, value: shown(y[state.n] ?? 0) }) : t("sound.no_terms", { n: state.n });
    const ways = [["fft", byFft(x, r)]];
    if (state.kind === "decay") ways.push(["recursion", byRecursion(x, state.alpha, TAPS)]);
    put(places.errors, h("table", { class: "data" }, h("thead", {}, h("tr", {}, [t("sound.way"), t("sound.multiplications"), t("sound.error")].map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, h("tr", {}, h("th", { scope: "row" }, t("sound.direct")), h("td", {}, `${x.length} × ${r.length} = ${x.length * r.length}`), h("td", {}, "0")),
        ways.map(([way, found]) => h("tr", {}, h("th", { scope: "row" }, t(`sound.${way}`)), h("td", {}, way === "fft" ? fftCost(x.length + r.length - 1) : `2 × ${found.length} = ${2 * found.length}`), h("td", {}, shown(largestError(y, found), 3)))),
        state.kind === "decay" ? exactRow(y) : null)));
  });

  /** The answer to a unit pulse in closed form, where the signal is the pulse. */
  function exactRow(y) {
    const start = state.x.findIndex((value) => value === 1);
    const length = state.x.filter((value) => value === 1).length;
    const isPulse = start >= 0 && state.x.every((value, n) => value === (n >= start && n < start + length ? 1 : 0));
    if (!isPulse) return null;
    const q = Math.exp(-state.alpha);
    const sum = (from, to) => (to < from ? 0 : (q ** from - q ** (to + 1)) / (1 - q)); // of a geometric series
    const exact = Float64Array.from(y, (_, n) => sum(Math.max(0, n - start - length + 1), Math.min(TAPS - 1, n - start)));
    return h("tr", {}, h("th", { scope: "row" }, t("sound.closed")), h("td", {}, "–"), h("td", {}, shown(largestError(y, exact), 3)));
  }

  /** Draw the signal with the pointer. */
  function drawing() {
    let isDown = false;
    const set = (event) => {
      const box = places.x.getBoundingClientRect();
      const n = Math.floor(((event.clientX - box.left) / box.width) * (POINTS + TAPS - 1));
      if (n < 0 || n >= POINTS) return;
      state.x[n] = Math.max(-1, Math.min(1, 1.15 - (2.3 * (event.clientY - box.top)) / box.height));
      update();
    };
    places.x.addEventListener("pointerdown", (event) => { isDown = true; places.x.setPointerCapture(event.pointerId); set(event); });
    places.x.addEventListener("pointermove", (event) => isDown && set(event));
    places.x.addEventListener("pointerup", () => { isDown = false; });
  }

  function toggle() {
    clearInterval(state.timer);
    state.timer = state.timer ? null : setInterval(() => { state.n = (state.n + 1) % (POINTS + TAPS - 1); at.set(state.n); update(); }, 90);
    play.textContent = state.timer ? t("convolve.pause") : t("convolve.play");
  }

  function audio() {
    return (state.context ??= new AudioContext({ sampleRate: RATE }));
  }

  /** What is heard before: the recording, or a row of short clicks and tones made of the drawn signal. */
  function dry() {
    if (state.heard) return state.heard;
    const samples = new Float64Array(RATE * 1.2);
    for (let n = 0; n < POINTS; n++) {
      for (let i = 0; i < 60; i++) samples[n * 60 + i] = state.x[n] * Math.sin((2 * Math.PI * 440 * (n * 60 + i)) / RATE);
    }
    return samples;
  }

  /** What is heard after: each tap of the response stands for 25 milliseconds. */
  function wet() {
    const r = response();
    const apart = Math.round(0.025 * RATE);
    const long = new Float64Array((r.length - 1) * apart + 1);
    r.forEach((value, k) => { long[k * apart] = value; });
    return byFft(dry(), long);
  }

  function sound(samples) {
    const context = audio();
    const largest = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
    const buffer = context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(Float32Array.from(samples, (value) => (0.8 * value) / largest), 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    source.start();
    places.heard.textContent = t("sound.playing", { seconds: (samples.length / RATE).toFixed(1) });
  }

  function listen(buffer) {
    state.heard = Float64Array.from(buffer.getChannelData(0).subarray(0, RATE * 6));
    places.heard.textContent = t("sound.loaded", { seconds: (state.heard.length / RATE).toFixed(1) });
  }

  async function toggleRecording() {
    if (state.recorder) {
      state.recorder.stop();
      return;
    }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      places.heard.textContent = t("sound.no_microphone");
      return;
    }
    const parts = [];
    state.recorder = new MediaRecorder(stream);
    state.recorder.ondataavailable = (event) => parts.push(event.data);
    state.recorder.onstop = async () => {
      stream.getTracks().forEach((track) => track.stop());
      state.recorder = null;
      record.textContent = t("sound.record");
      listen(await audio().decodeAudioData(await new Blob(parts).arrayBuffer()));
    };
    state.recorder.start();
    record.textContent = t("sound.stop");
  }

  settings();
  update();
  drawing();

  return () => {
    clearInterval(state.timer);
    own.close();
    state.recorder?.stop();
    state.context?.close();
  };
}

function plot(label) {
  return s("svg", { class: "chart signal", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
}

/** Stems of a signal; further signals lie over it. */
function bars(place, values, { from, range, color = "var(--accent)", over = [], mark = null }) {
  const all = [values, ...over.map((each) => each.values)];
  const high = Math.max(1, ...all.flatMap((each) => Array.from(each, Math.abs))) * 1.15;
  const step = WIDTH / (range[1] - range[0]);
  const x = (n) => (n - range[0]) * step;
  const y = (value) => HEIGHT / 2 - (value / high) * (HEIGHT / 2);
  const stems = ({ values: each, from: first, color: ink, solid = false }, opacity) => Array.from(each, (value, k) => (value === 0 ? null
    : s("rect", { x: x(first + k) + step * 0.15, y: Math.min(y(value), y(0)), width: step * 0.7, height: Math.abs(y(value) - y(0)), fill: ink, opacity: solid ? 1 : opacity })));
  put(place, s("line", { class: "axis", x1: 0, x2: WIDTH, y1: y(0), y2: y(0) }),
    mark === null ? null : s("rect", { x: x(mark), y: 0, width: step, height: HEIGHT, fill: "#ffd24a", opacity: 0.6 }),
    stems({ values, from, color }, over.length ? 0.35 : 0.9), over.map((each) => stems(each, 0.45)));
}

function fftCost(length) {
  const size = 2 ** Math.ceil(Math.log2(length));
  return `≈ 3 × 2 × ${size} × ${Math.log2(size)} = ${6 * size * Math.log2(size)}`;
}
