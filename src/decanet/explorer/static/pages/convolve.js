// Page "convolve": an image, a kernel of editable numbers, and the result, with the sliding window in real numbers.

import { choice, grid, h, labeled, perFrame, put, s, shown, slider } from "../lib/dom.js";
import { canvasOf, cellColors, inkOn, paintBytes, paintGray, toBytes } from "../lib/colors.js";
import { ask } from "../lib/backend.js";
import { filter, outputSize, scaleOf, span, windowAt } from "../lib/filtering.js";
import { fileDrop, fitted } from "../lib/images.js";
import { t } from "../lib/texts.js";

export const name = "convolve";
export const needs = ["convolve/start"];

const SIDE = 256;
const LARGEST = 15;
const PADDINGS = ["zero", "reflect", "replicate", "circular", "none"];

/** Open the page; returns what closes it. */
export function open(main) {
  const state = {
    image: null,
    kernel: { weights: new Float32Array([-1, 0, 1, -2, 0, 2, -1, 0, 1]), height: 3, width: 3 },
    setting: { padding: "zero", stride: 1, dilation: 1, correlated: true },
    result: null,
    position: [120, 96],
    timer: null,
  };
  const places = {
    image: h("div", { class: "stack" }), result: h("div", { class: "stack" }), kernel: h("div"),
    formula: h("p", { class: "formula" }), window: h("div", { class: "equation", "aria-live": "off" }),
    images: h("div", { class: "samples" }), presets: h("div"), does: h("p", { class: "quiet" }),
  };
  const imageCanvas = h("canvas", { width: SIDE, height: SIDE, class: "pixelated", role: "img", "aria-label": t("convolve.image") });
  const resultCanvas = h("canvas", { class: "pixelated", tabindex: "0", role: "application", "aria-label": t("convolve.result_label") });
  const [imageMarks, resultMarks] = [s("svg", { "aria-hidden": "true" }), s("svg", { "aria-hidden": "true" })];
  places.image.append(imageCanvas, imageMarks);
  places.result.append(resultCanvas, resultMarks);
  const play = h("button", { type: "button", class: "primary", onclick: toggle }, t("convolve.play"));
  const stride = slider(t("convolve.stride"), { min: 1, max: 8, step: 1, value: 1 }, (value) => change({ stride: value }));
  const dilation = slider(t("convolve.dilation"), { min: 1, max: 8, step: 1, value: 1 }, (value) => change({ dilation: value }));
  const size = slider(t("convolve.size"), { min: 1, max: LARGEST, step: 1, value: 3, words: (n) => `${n} × ${n}` }, resize);
  main.append(
    h("div", { class: "columns convolve" },
      h("section", { class: "card" }, h("h2", {}, t("convolve.image")), places.image, places.images),
      h("section", { class: "card" }, h("h2", {}, t("convolve.kernel")), places.presets, places.kernel, places.does,
        size.field, h("p", { class: "quiet" }, t("convolve.drag"))),
      h("section", { class: "card" }, h("h2", {}, t("convolve.result")), places.result, places.formula),
    ),
    h("section", { class: "card" },
      h("div", { class: "row" },
        labeled(t("convolve.operation"), choice([["true", t("convolve.correlation")], ["false", t("convolve.convolution")]], "true", (value) => change({ correlated: value === "true" }))),
        labeled(t("convolve.padding"), choice(PADDINGS.map((each) => [each, t(`convolve.padding_${each}`)]), "zero", (padding) => change({ padding }))),
        stride.field, dilation.field, play),
      h("h2", {}, t("convolve.window")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("convolve.window") }, places.window)),
  );

  ask("convolve/start").then(({ kernels, images }) => {
    const buttons = images.map(({ name: title, gray }) => {
      const button = h("button", { type: "button", title, "aria-label": t("images.sample", { name: title }), "aria-pressed": "false" },
        canvasOf(paintGray(gray.data, SIDE, SIDE)));
      button.onclick = () => {
        for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
        setImage(gray.data);
      };
      return button;
    });
    const own = fileDrop(t("images.own"), "image/*", async (file) => {
      for (const each of buttons) each.setAttribute("aria-pressed", "false");
      setImage(gray(await fitted(file, SIDE)));
    });
    state.close = own.close;
    put(places.images, buttons, own.element);
    const purposes = [...new Set(kernels.map((kernel) => kernel.purpose))];
    const select = h("select", { "aria-label": t("convolve.preset"), onchange: () => choose(kernels.find((k) => k.name === select.value)) },
      purposes.map((purpose) => h("optgroup", { label: purpose },
        kernels.filter((kernel) => kernel.purpose === purpose).map((kernel) => h("option", { value: kernel.name, selected: kernel.name === "sobel_x" }, kernel.name)))));
    put(places.presets, labeled(t("convolve.preset"), select));
    choose(kernels.find((kernel) => kernel.name === "sobel_x"));
    buttons[0].click();
  });

  function choose(kernel) {
    const [height, width] = kernel.weights.shape;
    state.kernel = { weights: kernel.weights.data.slice(), height, width };
    size.set(Math.max(height, width));
    places.does.textContent = `${kernel.does} (${kernel.source})`;
    drawKernel();
    update();
  }

  function resize(next) {
    const { weights, height, width } = state.kernel;
    const grown = new Float32Array(next * next);
    const [down, right] = [Math.floor((next - height) / 2), Math.floor((next - width) / 2)];
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const [y, x] = [i + down, j + right];
        if (y >= 0 && y < next && x >= 0 && x < next) grown[y * next + x] = weights[i * width + j];
      }
    }
    state.kernel = { weights: grown, height: next, width: next };
    places.does.textContent = "";
    drawKernel();
    update();
  }

  function setImage(bytes) {
    state.image = { values: Float32Array.from(bytes, (byte) => byte / 255), height: SIDE, width: SIDE };
    imageCanvas.getContext("2d").putImageData(paintGray(bytes, SIDE, SIDE), 0, 0);
    update();
  }

  function change(setting) {
    Object.assign(state.setting, setting);
    update();
  }

  /** The kernel as inputs: type a number, or drag up and down. */
  function drawKernel() {
    const { weights, height, width } = state.kernel;
    const cells = Array.from(weights, (weight, k) => {
      const cell = h("input", { type: "text", inputmode: "decimal", value: shown(weight, 2), "aria-label": t("convolve.cell", { row: Math.floor(k / width) + 1, column: (k % width) + 1 }) });
      const set = (value, text) => {
        weights[k] = value;
        if (text) cell.value = shown(value, 2);
        tint();
        update();
      };
      cell.oninput = () => {
        const value = Number(cell.value.replace("−", "-").replace(",", "."));
        if (Number.isFinite(value) && cell.value.trim()) set(value, false);
      };
      cell.onkeydown = (event) => {
        const step = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
        if (step) { event.preventDefault(); set(Math.round((weights[k] + step * (event.shiftKey ? 10 : 1)) * 1000) / 1000, true); }
      };
      cell.onpointerdown = (event) => {
        const [from, at] = [weights[k], event.clientY];
        cell.setPointerCapture(event.pointerId);
        cell.onpointermove = (moved) => {
          const steps = Math.round((at - moved.clientY) / 4);
          if (steps !== 0 || weights[k] !== from) set(Math.round((from + steps * 0.1) * 1000) / 1000, true);
        };
        cell.onpointerup = () => { cell.onpointermove = null; };
      };
      return cell;
    });
    const place = h("div", { class: width > 9 ? "kernel large" : "kernel" }, cells);
    place.style.gridTemplateColumns = `repeat(${width}, 1fr)`;
    if (height < 3) place.style.maxWidth = `${width * 5}rem`;
    put(places.kernel, place);
    function tint() {
      const largest = Math.max(...weights.map(Math.abs));
      cells.forEach((cell, k) => {
        const [background, ink] = cellColors(weights[k] / (largest || 1));
        cell.style.background = background;
        cell.style.color = ink;
      });
    }
    tint();
  }

  const update = perFrame(() => {
    if (!state.image) return;
    const { image, kernel, setting } = state;
    const result = (state.result = filter(image, kernel, setting));
    const axis = t("convolve.formula", {
      size: SIDE, padding: setting.padding === "none" ? 0 : span(kernel.height, setting.dilation),
      span: span(kernel.height, setting.dilation) + 1, stride: setting.stride, output: outputSize(SIDE, kernel.height, setting),
    });
    places.formula.textContent = axis;
    resultCanvas.width = Math.max(1, result.width);
    resultCanvas.height = Math.max(1, result.height);
    if (result.values.length) {
      const largest = scaleOf(result.values);
      const onlyPositive = result.values.every((value) => value >= 0);
      const painted = onlyPositive
        ? paintGray(result.values.map((value) => (255 * value) / Math.max(largest, 1)), result.height, result.width)
        : paintBytes(toBytes(result.values, largest), result.height, result.width);
      resultCanvas.getContext("2d").putImageData(painted, 0, 0);
    }
    showWindow();
  });

  const showWindow = perFrame(() => {
    const { image, kernel, setting, result } = state;
    if (!result || !result.values.length) return put(places.window, t("convolve.empty"));
    const row = Math.min(state.position[0], result.height - 1);
    const column = Math.min(state.position[1], result.width - 1);
    state.position = [row, column];
    const at = windowAt(image, kernel, setting, row, column);
    const [high, wide] = [span(kernel.height, setting.dilation) + 1, span(kernel.width, setting.dilation) + 1];
    frame(imageMarks, SIDE, SIDE, at.left, at.top, wide, high);
    frame(resultMarks, result.width, result.height, column, row, 1, 1);
    const weights = setting.correlated ? kernel.weights : Float32Array.from(kernel.weights).reverse();
    const rows = Array.from({ length: kernel.height }, (_, i) => Array.from(weights.slice(i * kernel.width, (i + 1) * kernel.width)));
    const largest = Math.max(...weights.map(Math.abs));
    const most = Math.max(...at.products.flat().map(Math.abs), 1e-9);
    return put(
      places.window,
      part(t("convolve.patch", { row: at.top, column: at.left }), grid(at.patch, { label: t("convolve.patch_label"), digits: 2, color: (value) => cellGray(value) , largest: 1 })),
      h("span", { class: "sign" }, "×"),
      part(setting.correlated ? t("convolve.kernel") : t("convolve.flipped"), grid(rows, { label: t("convolve.kernel"), largest, color: cellColors, digits: 2 })),
      h("span", { class: "sign" }, "="),
      part(t("convolve.products"), grid(at.products, { label: t("convolve.products"), largest: most, color: cellColors, digits: 2 })),
      h("span", { class: "sign" }, "Σ ="),
      part(t("convolve.value", { row, column }), h("span", { class: "result" }, shown(at.sum))),
    );
  });

  function part(caption, content) {
    return h("figure", {}, content, h("figcaption", {}, caption));
  }

  function moveTo(event) {
    const box = resultCanvas.getBoundingClientRect();
    if (!state.result) return;
    state.position = [
      Math.max(0, Math.min(state.result.height - 1, Math.floor(((event.clientY - box.top) / box.height) * state.result.height))),
      Math.max(0, Math.min(state.result.width - 1, Math.floor(((event.clientX - box.left) / box.width) * state.result.width))),
    ];
    showWindow();
  }
  resultCanvas.addEventListener("pointermove", moveTo);
  resultCanvas.addEventListener("pointerdown", moveTo);
  resultCanvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step || !state.result) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    state.position = [
      Math.max(0, Math.min(state.result.height - 1, state.position[0] + far * step[0])),
      Math.max(0, Math.min(state.result.width - 1, state.position[1] + far * step[1])),
    ];
    showWindow();
  });

  function toggle() {
    if (state.timer) {
      clearInterval(state.timer);
      state.timer = null;
    } else {
      state.timer = setInterval(() => {
        const { height, width } = state.result ?? { height: 1, width: 1 };
        const step = Math.max(1, Math.round(width / 64));
        let [row, column] = [state.position[0], state.position[1] + step];
        if (column >= width) [row, column] = [row + 4 * step, 0];
        state.position = [row >= height ? 0 : row, column];
        showWindow();
      }, 60);
    }
    play.textContent = state.timer ? t("convolve.pause") : t("convolve.play");
  }

  return () => {
    clearInterval(state.timer);
    state.close?.();
  };
}

/** Brightness of pixels in 0..1 from their colors: 0.299 R + 0.587 G + 0.114 B. */
function gray(pixels) {
  return Uint8ClampedArray.from({ length: pixels.length / 3 }, (_, i) => 0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2]);
}

function cellGray(value) {
  const level = Math.round(255 * Math.max(0, Math.min(1, value)));
  return [`rgb(${level}, ${level}, ${level})`, inkOn([level, level, level])];
}

/** Mark a rectangle on an image whose pixels are width x height. */
export function frame(svg, width, height, x, y, wide, high) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  const grow = Math.max(0, width / 90 - wide) / 2; // a single pixel of a large image would not be seen
  const place = { x: x - grow, y: y - grow, width: wide + 2 * grow, height: high + 2 * grow, fill: "none", "vector-effect": "non-scaling-stroke" };
  put(svg, s("rect", { ...place, stroke: "#000000", "stroke-width": 4 }), s("rect", { ...place, stroke: "#ffd24a", "stroke-width": 2 }));
}
