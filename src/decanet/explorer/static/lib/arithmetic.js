// How one number of a forward pass came about, for snapshots: the terms of decanet.insight.arithmetic, in JavaScript.

import { poolWindow } from "./engine.js";

/** Explain a number and those that it came from one by one, the last step first. */
export function traceBack(graph, image, outputs, number, index) {
  const chain = [];
  let next = [number, index];
  while (next !== null && next[0] >= 0 && chain.length < 8) {
    const step = graph.steps[next[0]];
    const [kind, terms, before] = EXPLAINERS[step.operation](graph, step, next[1], (n) => (n < 0 ? image : outputs[n]));
    const value = outputs[next[0]][flat(step.shape, next[1])];
    chain.push({ step: next[0], name: step.name, path: step.path, kind, index: next[1], value, terms });
    next = before;
  }
  return chain;
}

/** Place of an index in the values of a shape. */
export function flat(shape, index) {
  return index.reduce((at, i, axis) => at * shape[axis] + i, 0);
}

function shapeOf(graph, number) {
  return number < 0 ? graph.input : graph.steps[number].shape;
}

function convolution(graph, step, [channel, row, column], output) {
  const source = step.inputs[0];
  const [channels, height, width] = shapeOf(graph, source);
  const { kernel: [high, wide], stride, padding, dilation, groups } = step.settings;
  const perGroup = channels / groups;
  const first = Math.floor(channel / (step.shape[0] / groups)) * perGroup;
  const [top, left] = [row * stride[0] - padding[0], column * stride[1] - padding[1]];
  const count = perGroup * high * wide;
  const weights = graph.weights[step.weights.weight].subarray(channel * count, (channel + 1) * count);
  const patch = new Float32Array(count);
  const sums = new Float32Array(perGroup);
  const values = output(source);
  for (let c = 0, k = 0; c < perGroup; c++) {
    for (let i = 0; i < high; i++) {
      for (let j = 0; j < wide; j++, k++) {
        const [y, x] = [top + i * dilation[0], left + j * dilation[1]];
        if (y >= 0 && y < height && x >= 0 && x < width) patch[k] = values[((first + c) * height + y) * width + x];
        sums[c] += patch[k] * weights[k];
      }
    }
  }
  const shape = [perGroup, high, wide];
  const bias = graph.weights[step.weights.bias]?.[channel] ?? 0;
  const terms = { patch: { shape, data: patch }, weights: { shape, data: weights }, sums: { shape: [perGroup], data: sums }, bias, first, top, left, dilation, source };
  return ["convolution", terms, null];
}

function linear(graph, step, [index], output) {
  const inputs = output(step.inputs[0]);
  const weights = graph.weights[step.weights.weight].subarray(index * inputs.length, (index + 1) * inputs.length);
  const bias = graph.weights[step.weights.bias]?.[index] ?? 0;
  const shape = [inputs.length];
  return ["linear", { inputs: { shape, data: inputs }, weights: { shape, data: weights }, bias, source: step.inputs[0] }, null];
}

function batchNorm(graph, step, index, output) {
  const at = (name, otherwise) => graph.weights[step.weights[name]]?.[index[0]] ?? otherwise;
  const x = output(step.inputs[0])[flat(step.shape, index)];
  const terms = { x, mean: at("mean"), variance: at("variance"), epsilon: step.settings.epsilon, weight: at("weight", 1), bias: at("bias", 0) };
  return ["batch_norm", terms, [step.inputs[0], index]];
}

function activation(graph, step, index, output) {
  const x = output(step.inputs[0])[flat(step.shape, index)];
  return ["activation", { x, function: step.name }, [step.inputs[0], index]];
}

function pool(maximum) {
  return (graph, step, [channel, row = 0, column = 0], output) => {
    const source = step.inputs[0];
    const shape = shapeOf(graph, source);
    const [top, left, bottom, right] = poolWindow(step, shape, row, column);
    const window = [];
    let [greatest, position, count] = [-Infinity, null, 0];
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const isInside = y >= 0 && y < shape[1] && x >= 0 && x < shape[2];
        const value = isInside ? output(source)[flat(shape, [channel, y, x])] : NaN;
        window.push(value);
        count += isInside;
        if (value > greatest) [greatest, position] = [value, [y, x]];
      }
    }
    const terms = { window: { shape: [bottom - top, right - left], data: Float32Array.from(window) }, top, left, source };
    if (!maximum) return ["average_pool", { ...terms, divisor: count }, null];
    return ["max_pool", { ...terms, position }, [source, [channel, ...position]]];
  };
}

function add(graph, step, index, output) {
  const values = step.inputs.map((number) => output(number)[flat(step.shape, index)]);
  return ["add", { values, sources: step.inputs }, [Math.max(...step.inputs), index]]; // the branch that was computed last
}

function scale(graph, step, index, output) {
  const x = output(step.inputs[0])[flat(step.shape, index)];
  return ["scale", { x, factor: step.settings.factor }, [step.inputs[0], index]];
}

function reshape(graph, step, index) {
  const shape = shapeOf(graph, step.inputs[0]);
  let rest = flat(step.shape, index);
  const origin = shape.map((_, axis) => {
    const below = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const i = Math.floor(rest / below);
    rest %= below;
    return i;
  });
  return ["copy", { origin, source: step.inputs[0] }, [step.inputs[0], origin]];
}

const EXPLAINERS = {
  convolution, addmm: linear, mm: linear, native_batch_norm: batchNorm, relu: activation, gelu: activation,
  tanh: activation, sigmoid: activation, max_pool2d_with_indices: pool(true), adaptive_max_pool2d: pool(true),
  avg_pool2d: pool(false), _adaptive_avg_pool2d: pool(false), mean: pool(false), add, mul: scale, view: reshape,
};
