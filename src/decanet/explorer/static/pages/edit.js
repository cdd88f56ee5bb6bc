// Page "edit": paint over an image, shift, turn and scale it, and see the predictions follow.

import { choice, h, labeled, perFrame, put, s, slider } from "../lib/dom.js";
import { canvasOf, diverging, paintPixels } from "../lib/colors.js";
import { ask, isSnapshot, toBase64 } from "../lib/backend.js";
import { imageChoice, networkChoice, predictionBars, withoutAlpha } from "../lib/images.js";
import { t } from "../lib/texts.js";

export const name = "edit";
export const needs = ["network/networks", "edit/predict"];

const COLORS = ["#7f7f7f", "#000000", "#ffffff", "#c43c2f", "#e0a030", "#3c8c4a", "#2f6cc4"];
const REMEMBERED = 120; // predictions in the line below the bars

/** Open the page. */
export function open(main) {
  const state = { size: 32, base: null, paint: null, brush: 0.12, color: COLORS[0], moving: false, move: { x: 0, y: 0, turn: 0, scale: 1 }, reference: null, network: null, history: [], before: null, heat: null, busy: false, again: false };
  const easel = h("canvas", { class: "easel pixelated", width: 480, height: 480, role: "img", "aria-label": t("edit.easel") });
  const places = { images: h("div"), bars: h("div", { "aria-live": "polite" }), heat: h("div"), network: h("div"), note: h("p", { class: "quiet" }) };
  const history = s("svg", { class: "history", viewBox: `0 0 ${REMEMBERED} 100`, preserveAspectRatio: "none", role: "img", "aria-label": t("edit.history") });
  const sliders = {
    x: slider(t("edit.shift_x"), { min: -0.5, max: 0.5, step: 0.01, value: 0, words: (v) => `${Math.round(v * state.size)} px` }, (x) => moved({ x })),
    y: slider(t("edit.shift_y"), { min: -0.5, max: 0.5, step: 0.01, value: 0, words: (v) => `${Math.round(v * state.size)} px` }, (y) => moved({ y })),
    turn: slider(t("edit.turn"), { min: -180, max: 180, step: 1, value: 0, words: (v) => `${v}°` }, (turn) => moved({ turn })),
    scale: slider(t("edit.scale"), { min: 0.3, max: 3, step: 0.01, value: 1, words: (v) => `${v.toFixed(2)} ×` }, (scale) => moved({ scale })),
  };
  const tools = [["paint", false], ["move", true]].map(([label, moving]) =>
    h("button", { type: "button", "aria-pressed": String(!moving), onclick: () => setMoving(moving) }, t(`edit.${label}`)));
  const swatches = COLORS.map((color, i) => {
    const button = h("button", { type: "button", "aria-label": t("edit.color", { color }), "aria-pressed": String(i === 0),
      onclick: () => { state.color = color; swatches.forEach((each) => each.setAttribute("aria-pressed", String(each === button))); setMoving(false); } });
    button.style.background = color;
    return button;
  });
  const brush = slider(t("edit.brush"), { min: 0.03, max: 0.4, step: 0.01, value: 0.12, words: (v) => `${Math.round(v * 100)}%` }, (value) => { state.brush = value; });
  const method = h("span");
  const target = h("span");
  const explain = h("button", { type: "button", class: "primary", onclick: attribute }, t("edit.explain"));
  const strength = slider(t("edit.strength"), { min: 0, max: 1, step: 0.05, value: 0.7, words: (v) => `${Math.round(v * 100)}%` }, () => draw());
  main.append(
    h("div", { class: "row" }, places.network, places.images),
    h("div", { class: "columns edit" },
      h("section", { class: "card" }, easel, h("div", { class: "row" }, tools, h("button", { type: "button", onclick: reset }, t("edit.reset"))),
        h("div", { class: "row" }, h("div", { class: "swatches" }, swatches), brush.field), h("p", { class: "quiet" }, t("edit.how"))),
      h("section", { class: "card" }, h("h2", {}, t("edit.predictions")), places.bars, h("p", { class: "quiet" }, t("edit.mark")), history, places.note),
      h("div", { class: "columns" },
        h("section", { class: "card" }, h("h2", {}, t("edit.transform")), Object.values(sliders).map((each) => each.field)),
        h("section", { class: "card" }, h("h2", {}, t("edit.attribution")), h("div", { class: "row" }, method, target, explain), strength.field, places.heat)),
    ),
  );

  let choiceOfImages = null;
  ask("network/networks").then((networks) => {
    state.reference = networks.first;
    if (networks.offered.length > 1) put(places.network, labeled(t("images.network"), networkChoice(networks, networks.first, (reference) => { state.reference = reference; load(); })));
    load();
  });
  const methods = isSnapshot() ? Promise.resolve(["occlusion"]) : ask("edit/methods").then((answer) => answer.methods);
  methods.then((names) => {
    state.method = isSnapshot() ? "occlusion" : "Grad-CAM";
    put(method, labeled(t("edit.method"), choice(names.map((each) => [each, t(`edit.method_${each.toLowerCase().replace(/\W+/g, "_")}`)]), state.method, (value) => { state.method = value; })));
  });

  async function load() {
    const answer = await ask("network/samples", { network: state.reference });
    if (!answer) return;
    state.network = answer.network;
    state.size = answer.network.size;
    choiceOfImages?.close();
    choiceOfImages = imageChoice(answer.network, answer.samples, (pixels) => setImage(pixels));
    put(places.images, choiceOfImages.element);
    choiceOfImages.first();
  }

  function setImage(pixels) {
    state.base = canvasOf(paintPixels(pixels, state.size, state.size));
    reset();
  }

  function reset() {
    state.paint = new OffscreenCanvas(480, 480);
    state.move = { x: 0, y: 0, turn: 0, scale: 1 };
    for (const [key, value] of Object.entries(state.move)) sliders[key].set(value);
    state.history = [];
    state.before = null;
    state.heat = null;
    put(places.heat);
    draw();
    predict();
  }

  function setMoving(moving) {
    state.moving = moving;
    tools.forEach((tool, i) => tool.setAttribute("aria-pressed", String(Boolean(i) === moving)));
    easel.classList.toggle("moving", moving);
  }

  function moved(change) {
    Object.assign(state.move, change);
    for (const [key, value] of Object.entries(change)) sliders[key].set(value);
    state.heat = null;
    draw();
    predict();
  }

  /** The changed image on a canvas of any size: gray around it, then the image moved, then the paint. */
  function compose(context, side, smooth) {
    context.imageSmoothingEnabled = smooth;
    context.fillStyle = "#7f7f7f";
    context.fillRect(0, 0, side, side);
    context.save();
    context.translate(side / 2 + state.move.x * side, side / 2 + state.move.y * side);
    context.rotate((state.move.turn * Math.PI) / 180);
    context.scale(state.move.scale, state.move.scale);
    context.drawImage(state.base, -side / 2, -side / 2, side, side);
    context.restore();
    context.imageSmoothingEnabled = true;
    context.drawImage(state.paint, 0, 0, side, side);
  }

  /** The pixels as the network gets them. */
  function pixels() {
    const canvas = new OffscreenCanvas(state.size, state.size);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const { x, y, turn, scale } = state.move;
    const isMoved = x !== 0 || y !== 0 || turn !== 0 || scale !== 1;
    compose(context, state.size, isMoved);
    return withoutAlpha(context.getImageData(0, 0, state.size, state.size).data);
  }

  const draw = perFrame(() => {
    if (!state.base) return;
    const small = new OffscreenCanvas(state.size, state.size);
    const context = easel.getContext("2d");
    small.getContext("2d").putImageData(paintPixels(pixels(), state.size, state.size), 0, 0);
    context.imageSmoothingEnabled = state.size > 100;
    context.drawImage(small, 0, 0, 480, 480);
    if (state.heat) {
      context.globalAlpha = Number(strength.input.value);
      context.imageSmoothingEnabled = true;
      context.drawImage(state.heat, 0, 0, 480, 480);
      context.globalAlpha = 1;
    }
  });

  /** Ask for predictions; while an answer is awaited, the newest change waits. */
  async function predict() {
    if (state.busy) {
      state.again = true;
      return;
    }
    state.busy = true;
    try {
      do {
        state.again = false;
        const began = performance.now();
        const answer = await ask("edit/predict", { network: state.reference, pixels: toBase64(pixels()) });
        if (answer) showPredictions(answer.predictions, performance.now() - began);
      } while (state.again);
    } finally {
      state.busy = false;
    }
  }

  function showPredictions(predictions, milliseconds) {
    if (!state.before) {
      state.before = Object.fromEntries(predictions.map((each) => [each.class, each.probability]));
      state.followed = predictions[0];
      const select = choice(predictions.map((each) => [each.class, each.name]), predictions[0].class, (k) => { state.target = Number(k); });
      state.target = predictions[0].class;
      put(target, labeled(t("edit.class"), select));
    }
    put(places.bars, predictionBars(predictions, { most: 8, marks: state.before }));
    const followed = predictions.find((each) => each.class === state.followed.class)?.probability ?? 0;
    state.history = [...state.history, followed].slice(-REMEMBERED);
    const points = state.history.map((p, i) => `${i},${100 - 98 * p}`).join(" ");
    put(history, s("polyline", { points }));
    places.note.textContent = t("edit.followed", { name: state.followed.name, percent: (100 * followed).toFixed(1), milliseconds: Math.round(milliseconds) });
  }

  async function attribute() {
    explain.disabled = true;
    put(places.heat, h("p", { class: "quiet" }, t("edit.computing")));
    try {
      const question = { network: state.reference, pixels: toBase64(pixels()), method: state.method, class: state.target };
      const answer = await ask("edit/attribution", question);
      if (!answer) return;
      const { shape: [high, wide], data } = answer.values;
      const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const image = new ImageData(wide, high);
      data.forEach((value, i) => image.data.set([...diverging(value / (largest || 1)), Math.round(255 * Math.min(1, Math.abs(value) / (largest || 1)) ** 0.5)], i * 4));
      state.heat = canvasOf(image);
      put(places.heat, h("p", { class: "quiet" }, answer.signed ? t("edit.signed") : t("edit.unsigned")));
      draw();
    } finally {
      explain.disabled = false;
    }
  }

  let last = null;
  const place = (event) => {
    const box = easel.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  easel.addEventListener("pointerdown", (event) => { easel.setPointerCapture(event.pointerId); last = place(event); act(event); });
  easel.addEventListener("pointermove", (event) => last && act(event));
  easel.addEventListener("pointerup", () => { last = null; });
  easel.addEventListener("wheel", (event) => {
    if (!state.moving) return;
    event.preventDefault();
    moved({ scale: Math.max(0.3, Math.min(3, state.move.scale * Math.exp(-event.deltaY / 500))) });
  }, { passive: false });

  function act(event) {
    const [x, y] = place(event);
    if (state.moving && event.shiftKey) {
      const angle = (px, py) => Math.atan2(py - 0.5, px - 0.5);
      moved({ turn: Math.round(state.move.turn + ((angle(x, y) - angle(...last)) * 180) / Math.PI) });
    } else if (state.moving) {
      moved({ x: state.move.x + x - last[0], y: state.move.y + y - last[1] });
    } else {
      const context = state.paint.getContext("2d");
      context.strokeStyle = state.color;
      context.lineCap = "round";
      context.lineWidth = state.brush * 480;
      context.beginPath();
      context.moveTo(last[0] * 480, last[1] * 480);
      context.lineTo(x * 480 + 0.01, y * 480);
      context.stroke();
      state.heat = null;
      draw();
      predict();
    }
    last = [x, y];
  }

  return () => choiceOfImages?.close();
}
