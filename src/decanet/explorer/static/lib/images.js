// Choosing an image: samples, a file, dropping, pasting.

import { h } from "./dom.js";
import { canvasOf, paintPixels } from "./colors.js";
import { ask, isSnapshot, toBase64 } from "./backend.js";
import { t } from "./texts.js";

/** A row of sample images and a place for one's own; choose(pixels, name) is called with pixels (S, S, 3). */
export function imageChoice(network, samples, choose) {
  const buttons = samples.map(({ name, pixels }) =>
    h("button", { type: "button", title: name, "aria-label": t("images.sample", { name }), "aria-pressed": "false",
      onclick: (event) => { press(event.currentTarget); choose(pixels.data, name); } },
      canvasOf(paintPixels(pixels.data, pixels.shape[0], pixels.shape[1]))),
  );
  function press(button) {
    for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
  }
  async function take(file) {
    const pixels = isSnapshot() ? await fitted(file, network.size) : await asked(file, network.reference);
    press(null);
    choose(pixels, file.name);
  }
  const own = fileDrop(t("images.own"), "image/*", take);
  const row = h("div", { class: "samples" }, buttons, own.element);
  return { element: row, first: () => buttons[0].click(), close: own.close };
}

/** A place to choose, drop or paste a file. */
export function fileDrop(text, accept, take) {
  const input = h("input", { type: "file", accept, onchange: () => input.files[0] && take(input.files[0]) });
  const element = h("label", {
    class: "drop",
    ondragover: (event) => { event.preventDefault(); element.classList.add("over"); },
    ondragleave: () => element.classList.remove("over"),
    ondrop: (event) => {
      event.preventDefault();
      element.classList.remove("over");
      if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
    },
  }, text, input);
  const paste = (event) => event.clipboardData?.files[0] && take(event.clipboardData.files[0]);
  addEventListener("paste", paste);
  return { element, close: () => removeEventListener("paste", paste) };
}

async function asked(file, network) {
  const data = toBase64(new Uint8Array(await file.arrayBuffer()));
  return (await ask("network/image", { network, data })).pixels.data;
}

/** The middle square of an image file as pixels (side, side, 3), by the browser. */
export async function fitted(file, side) {
  const bitmap = await createImageBitmap(file);
  const short = Math.min(bitmap.width, bitmap.height);
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - short) / 2, (bitmap.height - short) / 2, short, short, 0, 0, side, side);
  return withoutAlpha(context.getImageData(0, 0, side, side).data);
}

/** Pixels (S, S, 3) of an ImageData's (S, S, 4). */
export function withoutAlpha(rgba) {
  const pixels = new Uint8Array((rgba.length / 4) * 3);
  for (let i = 0, j = 0; i < rgba.length; i += 4, j += 3) {
    pixels[j] = rgba[i];
    pixels[j + 1] = rgba[i + 1];
    pixels[j + 2] = rgba[i + 2];
  }
  return pixels;
}

/** A select of the networks that the server offers, in groups. */
export function networkChoice(networks, chosen, change) {
  const groups = ["own", "trained", "untrained"].map((group) => [group, networks.offered.filter((each) => each.group === group)]);
  return h("select", { onchange: (event) => change(event.target.value) },
    groups.filter(([, each]) => each.length).map(([group, offered]) =>
      h("optgroup", { label: t(group === "own" ? "images.own_networks" : `images.${group}`) },
        offered.map(({ reference, title }) => h("option", { value: reference, selected: reference === chosen }, title)))));
}

/** Bars of predictions; marks: name -> probability to be marked, of the image before it was changed. */
export function predictionBars(predictions, { most = 6, marks = null } = {}) {
  return h("dl", { class: "bars" }, predictions.slice(0, most).map(({ class: k, name, probability }) => {
    const percent = 100 * probability;
    const bar = h("i");
    bar.style.width = `${percent}%`;
    const mark = marks && k in marks ? h("b", { title: t("images.before") }) : null;
    if (mark) mark.style.left = `calc(${100 * marks[k]}% - 1px)`;
    return [h("dt", { title: name }, name), h("dd", { class: "bar" }, bar, mark), h("dd", { class: "percent" }, `${percent.toFixed(1)}%`)];
  }));
}
