// Feature maps on canvases: all of a step in one grid, or one map large.

import { h } from "./dom.js";
import { canvasOf, paintBytes, palette, toBytes } from "./colors.js";

/** One canvas for a map of a grid of maps {maps: {shape, data}}. */
export function mapCanvas(maps, channel, colors = palette()) {
  const [, height, width] = maps.shape;
  const bytes = maps.data.subarray(channel * height * width, (channel + 1) * height * width);
  return canvasOf(paintBytes(bytes, height, width, colors));
}

/** All maps of a step on one canvas; choose(channel) is called by pointer and by arrow keys. */
export function mapGrid(maps, chosen, choose, label) {
  const [count, height, width] = maps.shape;
  const isVector = height === 1 && count === 1;
  const columns = isVector ? 1 : Math.min(count, count > 128 ? 20 : count > 40 ? 16 : 8);
  const rows = Math.ceil(count / columns);
  const cell = isVector ? 0 : Math.max(22, Math.floor(620 / columns));
  const canvas = h("canvas", { class: "pixelated", tabindex: "0", role: "application", "aria-label": label });
  canvas.width = isVector ? 620 : columns * cell;
  canvas.height = isVector ? 46 : rows * cell;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  const colors = palette();
  let current = chosen;
  function draw() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (isVector) {
      context.drawImage(mapCanvas(maps, 0, colors), 0, 0, canvas.width, canvas.height);
      return;
    }
    for (let channel = 0; channel < count; channel++) {
      const [x, y] = [(channel % columns) * cell, Math.floor(channel / columns) * cell];
      context.drawImage(mapCanvas(maps, channel, colors), x + 1, y + 1, cell - 2, cell - 2);
    }
    context.strokeStyle = "#f0a020";
    context.lineWidth = 3;
    context.strokeRect((current % columns) * cell + 1.5, Math.floor(current / columns) * cell + 1.5, cell - 3, cell - 3);
  }
  function take(channel) {
    if (isVector || channel < 0 || channel >= count) return;
    current = channel;
    draw();
    choose(channel);
  }
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const y = Math.floor(((event.clientY - box.top) / box.height) * rows);
    take(y * columns + x);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (step) {
      event.preventDefault();
      take(current + step);
    }
  });
  draw();
  return canvas;
}

/** One map large; hover(row, column) and choose(row, column) are called for its numbers. */
export function largeMap(values, chosen, { hover, choose }, label) {
  const [height, width] = values.shape;
  const largest = values.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = Math.max(1, Math.floor(360 / Math.max(height, width)));
  const canvas = h("canvas", { class: "pixelated", tabindex: "0", role: "application", "aria-label": label, width: width * scale, height: Math.max(height * scale, height === 1 ? 40 : 1) });
  const painted = canvasOf(paintBytes(toBytes(values.data, largest), height, width));
  const context = canvas.getContext("2d");
  let current = chosen;
  function draw() {
    context.imageSmoothingEnabled = false;
    context.drawImage(painted, 0, 0, canvas.width, canvas.height);
    const [cellX, cellY] = [canvas.width / width, canvas.height / height];
    context.lineWidth = 3;
    context.strokeStyle = "#000000";
    context.strokeRect(current[1] * cellX - 1, current[0] * cellY - 1, cellX + 2, cellY + 2);
    context.lineWidth = 1.5;
    context.strokeStyle = "#ffd24a";
    context.strokeRect(current[1] * cellX - 1, current[0] * cellY - 1, cellX + 2, cellY + 2);
  }
  function at(event) {
    const box = canvas.getBoundingClientRect();
    const place = (part, n) => Math.max(0, Math.min(n - 1, Math.floor(part * n)));
    return [place((event.clientY - box.top) / box.height, height), place((event.clientX - box.left) / box.width, width)];
  }
  function take(position) {
    current = position;
    draw();
    choose(...current);
  }
  canvas.addEventListener("pointermove", (event) => hover(...at(event)));
  canvas.addEventListener("pointerleave", () => hover(...current));
  canvas.addEventListener("click", (event) => take(at(event)));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    take([Math.max(0, Math.min(height - 1, current[0] + step[0])), Math.max(0, Math.min(width - 1, current[1] + step[1]))]);
  });
  draw();
  return { canvas, value: (row, column) => values.data[row * width + column] };
}
