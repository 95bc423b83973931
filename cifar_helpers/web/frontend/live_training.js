// A training run of now: Python trains, the curves are drawn here, beside those of earlier runs.
import styles from "./live_training.css";
import { h, mount, framed, binding } from "./ui.js";
import { segmented, slider, field, button } from "./controls.js";
import { percent, show } from "./numbers.js";
import { chart } from "./chart.js";

const RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const BATCHES = [16, 32, 64, 128, 256, 512];
const EPOCHS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 100];
const STATES = { running: "Training", paused: "Paused", ended: "Ended" };

/** @param {{model: any, el: HTMLElement}} host */
export function render({ model, el }) {
  const draw = framed(redraw);
  const { root, say, close } = mount(el, "live_training", "Live training", styles, draw);
  const heard = ["learning_rate", "batch_size", "epochs", "run", "earlier"];
  const bound = binding(model, Object.fromEntries(heard.map(name => [name, draw])));
  const take = name => value => {
    bound.set({ [name]: value });
    draw();
  };
  const send = type => () => model.send?.({ type });

  // The settings: the rate counts at once, the others from the next start.
  const rate = slider("Learning rate", RATES, 0.03, take("learning_rate"), value => show(value, 6));
  const sizes = BATCHES.map(value => ({ value, text: String(value) }));
  const batch = segmented("Batch size", sizes, 128, take("batch_size"));
  const epochs = slider("Epochs", EPOCHS, 8, take("epochs"));
  const rateText = h("b");
  const epochsText = h("b");
  const named = (words, value, control) => {
    const head = h("span", { class: "cw-head cw-cap", "aria-hidden": "true" }, h("span", {}, words), value);
    return h("div", { class: "lt-field" }, head, control.node);
  };
  const start = button("Start", send("start"), { main: true });
  const pause = button("Pause", () => send(model.get("run").state === "paused" ? "resume" : "pause")());
  const stop = button("Stop", send("stop"));

  let bySeconds = false;
  const axes = [{ value: false, text: "Epochs" }, { value: true, text: "Seconds" }];
  const axis = segmented("Horizontal axis", axes, false, value => {
    bySeconds = value;
    redraw();
  });

  // Three charts with one horizontal axis
  const look = x => charts.forEach(one => one.look(x));
  const place = (label, y, height) => chart({ label, x: { label: "epoch" }, y, height, say, hovered: look });
  const loss = place("Loss", { label: "Loss", digits: 2 }, 210);
  const accuracy = place("Accuracy", { label: "Accuracy", percent: true }, 210);
  const rates = place("Learning rate", { label: "Learning rate", log: true, digits: 4 }, 112);
  const charts = [loss, accuracy, rates];

  const state = h("p", { class: "cw-lead lt-state", role: "status" });
  const rows = h("tbody");
  const heads = ["Run", "Epochs", "Seconds", "Best validation"].map(text => h("th", { scope: "col" }, text));
  const table = h("table", { class: "lt-runs" }, h("thead", {}, h("tr", {}, heads)), rows);
  const note = h("span", { class: "cw-cap" });
  root.append(
    h(
      "div", { class: "lt-bar" },
      named("Learning rate", rateText, rate), named("Batch size", null, batch), named("Epochs", epochsText, epochs),
      h("div", { class: "lt-buttons" }, start, pause, stop),
    ),
    state,
    h("div", { class: "lt-charts" }, loss.node, accuracy.node, rates.node, table),
    h("div", { class: "cw-foot lt-foot" }, note, field("Horizontal axis", axis)),
  );

  function redraw() {
    const run = model.get("run");
    const earlier = model.get("earlier");
    const begun = Boolean(run.state);
    const ends = begun ? run.epochs : model.get("epochs");
    const runs = begun ? earlier : [cut(model.get("ghost"), ends)];
    showControls(run, begun);

    const all = begun ? [...runs, run] : runs;
    const longest = Math.max(1, ...all.map(one => lastSecond(one, ends)));
    const x = [0, bySeconds ? longest : ends];
    const at = one => (bySeconds ? one.seconds : one.seconds.map((_, k) => k + 1));
    const pairs = (one, values) => values.map((value, k) => [at(one)[k], value]).filter(point => point[0] <= x[1]);
    const steps = (one, column) => one.points.map(point => [point[bySeconds ? 1 : 0], point[column]]);
    const grey = (values, part) => runs.map((one, k) => ({
      name: nameOf(one, k), end: begun ? String(k + 1) : "recorded", colour: "ghost", dash: DASHES[k % DASHES.length],
      points: part === "steps" ? steps(one, 3) : pairs(one, one[values]),
    }));
    const own = (name, colour, points, more = {}) => (begun ? [{ name, colour, points, ...more }] : []);
    const label = bySeconds ? "seconds" : "epoch";
    const batches = begun ? steps(run, 2) : [];
    loss.set({
      x, xLabel: label,
      y: [0, lossTop(all)],
      series: [
        ...grey("validation_loss"),
        ...own(run.stride > 1 ? `mean of ${run.stride} batches` : "batch", "c1", batches, { end: "", thin: true }),
        ...own("training, running mean", "c1", smooth(batches), { end: "training" }),
        ...own("validation", "c2", begun ? pairs(run, run.validation_loss) : [], { dash: "5 3", marks: true }),
      ],
    });
    accuracy.set({
      x, xLabel: label, y: [0, 1],
      series: [
        ...grey("validation_accuracy"),
        ...own("training", "c1", begun ? pairs(run, run.train_accuracy) : [], { marks: true }),
        ...own("validation", "c2", begun ? pairs(run, run.validation_accuracy) : [], { dash: "5 3", marks: true }),
      ],
    });
    const flat = begun ? [] : [[0, model.get("learning_rate")], [x[1], model.get("learning_rate")]];
    rates.set({
      x, xLabel: label, y: rateEnds([...all, { points: [[0, 0, 0, model.get("learning_rate")]] }]),
      series: [
        ...(begun ? grey("", "steps") : []),
        { name: "learning rate", end: begun ? "now" : "chosen", colour: "c1", points: begun ? steps(run, 3) : flat },
      ],
    });
    rows.replaceChildren(
      ...(begun ? [row("now", run, true)] : []),
      ...runs.map((one, k) => row(begun ? String(k + 1) : "recorded", one, false)).reverse(),
    );
  }

  function showControls(run, begun) {
    rate.set(nearest(RATES, model.get("learning_rate")));
    rateText.textContent = show(model.get("learning_rate"), 6);
    batch.set(model.get("batch_size"));
    epochs.set(nearest(EPOCHS, model.get("epochs")));
    epochsText.textContent = model.get("epochs");
    const runs = begun && run.state !== "ended";
    start.textContent = begun ? "Start again" : "Start";
    start.disabled = !model.send;
    pause.textContent = run.state === "paused" ? "Resume" : "Pause";
    pause.disabled = stop.disabled = !runs || !model.send;
    const words = run.problem || stateOf(run, begun);
    if (state.textContent !== words) state.textContent = words;
    state.classList.toggle("bad", Boolean(run.problem));
    const [train, validation] = model.get("images");
    const count = number => number.toLocaleString("en");
    const task = `A CifarCNN on ${count(train)} images, flipped at random; ${count(validation)} to validate.`;
    const ending = "Use Stop here to end it: the notebook's own stop button does not.";
    const steering = `${ending} A new learning rate counts at once.`;
    note.textContent = runs ? steering : `${task}${begun ? "" : " In grey: a recorded run."}`;
  }

  function stateOf(run, begun) {
    const alone = "Without a kernel nothing can be trained: this is what was recorded.";
    if (!begun) return model.send ? "Press Start to train." : alone;
    const done = run.train_loss.length;
    const many = `${done} complete ${done === 1 ? "epoch" : "epochs"}`;
    if (run.state === "ended") return `Ended after ${many}. The network is kept in .model.`;
    return `${STATES[run.state]}: step ${run.step} of ${run.steps}, ${done} of ${run.epochs} epochs complete.`;
  }

  function row(number, run, isOwn) {
    const best = Math.max(...run.validation_accuracy.filter(Number.isFinite));
    const words = `${number === "now" ? "" : `${number} · `}${settingsOf(run)}`;
    return h(
      "tr", { class: isOwn ? "own" : null },
      h("td", {}, isOwn ? `Now · ${words}` : words),
      h("td", {}, String(run.train_loss.length)),
      h("td", {}, run.seconds.length ? run.seconds.at(-1).toFixed(0) : "–"),
      h("td", {}, Number.isFinite(best) ? percent(best, 1) : "–"),
    );
  }

  redraw();
  return () => {
    charts.forEach(one => one.close());
    bound.close();
    close();
  };
}

/** The stop of a slider that is nearest on its scale of factors. */
function nearest(stops, value) {
  const far = stop => Math.abs(Math.log(stop / value));
  return stops.reduce((a, b) => (far(b) < far(a) ? b : a));
}

/** The first epochs of a recorded run. */
function cut(run, epochs) {
  const part = value => (Array.isArray(value) ? value.slice(0, epochs) : value);
  return Object.fromEntries(Object.entries(run).map(([name, value]) => [name, part(value)]));
}

/** A running mean of the losses: a single batch says little. */
function smooth(points) {
  let mean = points[0]?.[1];
  return points.map(([x, y]) => {
    mean += 0.1 * (y - mean);
    return [x, mean];
  });
}

function rateEnds(runs) {
  const rates = runs.flatMap(run => run.points.map(point => point[3]));
  return [Math.min(...rates) / 2, Math.max(...rates) * 2];
}

const DASHES = ["", "1 3", "7 3", "7 3 1 3"];

/** The learning rates that a run had, one after the other, and its batches. */
function settingsOf(run) {
  const rates = run.points.map(point => point[3]).filter((value, k, all) => value !== all[k - 1]);
  const words = rates.length > 3 ? [rates[0], "…", rates.at(-1)] : rates.length ? rates : [run.learning_rate];
  const images = run.images ? `, ${run.images.toLocaleString("en")} images` : "";
  const said = words.map(value => (value === "…" ? value : show(value, 6))).join(", then ");
  return `rate ${said}, batch ${run.batch_size}${images}`;
}

function nameOf(run, k) {
  return run.images ? "recorded" : `run ${k + 1}`;
}

/** When a run had its last point within so many epochs. */
function lastSecond(run, epochs) {
  return run.seconds[Math.min(epochs, run.seconds.length) - 1] ?? run.points.at(-1)?.[1] ?? 0;
}

/** High enough for what is usual; a run that diverges leaves the chart at the top. */
function lossTop(runs) {
  const values = runs.flatMap(run => [...run.validation_loss, ...run.points.map(point => point[2])]);
  return Math.min(5, Math.max(2.5, ...values.filter(Number.isFinite)));
}
