// Recorded training runs around one base: choose, compare, and drag the patience of early stopping along the curve.
// Results are means of the last ten epochs, which Python computes.
import styles from "./overfitting_lab.css";
import { asking, h, mount, framed, binding, write } from "./ui.js";
import { segmented, button } from "./controls.js";
import { fixed, percent, unbroken } from "./numbers.js";
import { chart } from "./chart.js";
import { bringing } from "./chart_rows.js";

const EPOCHS = 30;
const LAST = 10; // epochs in the mean of a result
const PATIENCE = Array.from({ length: 15 }, (_, k) => k + 1);
const PINS = [{ letter: "A", colour: "c3" }, { letter: "B", colour: "c5" }, { letter: "C", colour: "c4" }];
const DASH = "5 3"; // validation, in every colour
const KINDS = [
  { name: "training", part: "train", colour: "c1" },
  { name: "validation", part: "validation", colour: "c2", dash: DASH },
];
const SIDES = [48, 78]; // both charts have one axis, whatever is compared
// Both axes are fixed, so that a change of settings moves the curves and not the numbers beside them.
const ENDS = { loss: [0, 2.5], accuracy: [0.1, 1] };
const TICKS = { accuracy: [0.1, 0.4, 0.7, 1] }; // from guessing on
const SPAN = 5; // epochs in a mean in which loss and accuracy are compared
const BASE = { dropout: 0.25, augmentation: "flip", weight_decay: 0, images: 10000, width: 1, wrong_labels: 0 };
const ALL = { dropout: 0.5, augmentation: "flip + shift", weight_decay: 0.0005 };
const CORNERS = [
  { text: "base", changed: {} },
  { text: "no remedies", changed: { dropout: 0, augmentation: "none" } },
  { text: "all remedies", changed: ALL },
  { text: "all remedies, 2,000 images", changed: { ...ALL, images: 2000 } },
  { text: "all remedies, 20 % wrong labels", changed: { ...ALL, wrong_labels: 0.2 } },
];
const COLUMNS = [
  { part: "train", head: "Training", text: value => percent(value, 1) },
  { part: "validation", head: "Validation", text: value => percent(value, 1) },
  { part: "gap", head: "Gap, points", text: value => fixed(100 * value, 1) },
];

const HOW_TO_READ = "Accuracies and gap are means of the last ten epochs: at this constant learning rate, single "
  + "epochs vary by several points. A number with a sign is the difference from A, or from base if nothing is pinned; "
  + "≈ stands for a difference no larger than the range of base’s seeds. Training accuracy is measured during the "
  + "epoch, with dropout and augmentation on. These lower it, so compare it and gaps only between runs that share them. "
  + "With wrong labels, it counts agreement with the labels given, even wrong ones. An epoch of 40,000 images has about "
  + "four times as many steps as one of 10,000, and one of 2,000 a fifth. Guessing is right 10 % of the time, where "
  + "the axis of accuracy begins. Lines are means of the seeds, shading is their range; early stopping is shown for the "
  + "first seed, the thin line. Point at a row for its training curve. Single epochs among the last ten, all seeds: ";
const RANKING = "Validation accuracy, in points above or below base. A bar that ends in the grey strip is no longer "
  + "than the range of base’s seeds; below twice that range it may be chance, too. Choose a row for its curves.";
const SURE = "Loss also counts how sure the network is of its wrong predictions; accuracy does not.";
const TASK = "Which one change raises validation accuracy most? Guess, then choose it.";

/**
 * The epoch after which early stopping ends a run, and the epoch it keeps.
 * @param {number[]} losses validation losses
 * @param {number} patience
 * @returns {{stopped: number, kept: number}} counted from 1
 */
function earlyStop(losses, patience) {
  let kept = 0;
  for (let epoch = 1; epoch <= losses.length; epoch++) {
    if (kept === 0 || losses[epoch - 1] < losses[kept - 1]) kept = epoch;
    if (epoch - kept >= patience) return { stopped: epoch, kept };
  }
  return { stopped: losses.length, kept };
}

/** @param {{model: any, el: HTMLElement}} host */
export function render({ model, el }) {
  const draw = framed(redraw);
  const { root, say, close } = mount(el, "overfitting_lab", "Overfitting laboratory", styles, draw);
  const python = asking(model, root);
  const answered = () => {
    python.heard();
    draw();
  };
  const heard = ["settings", "pinned", "trained", "status", "records"].map(name => [name, answered]);
  const drawPatience = framed(showPatience);
  const bound = binding(model, { ...Object.fromEntries(heard), patience: drawPatience });
  const set = values => {
    bound.set(values);
    draw();
  };
  const options = model.get("options");
  const keyOf = settings => options.map(option => settings[option.name]).join("|");
  const records = new Map(model.get("records").map(record => [keyOf(record.settings), record]));
  const ranges = Object.entries(model.get("spread")).map(([part, range]) => [part, tenths(range) / 1000]);
  const spread = Object.fromEntries(ranges); // as they are shown

  // The settings
  const choose = settings => {
    set({ settings });
    say(sentence());
  };
  const single = h("input", { type: "checkbox", checked: true, onchange: draw });
  /** What a choice changes: base, or the combination that is chosen. */
  const from = () => (single.checked ? BASE : model.get("settings"));
  const fields = options.map(({ name, label, values }) => {
    const control = segmented(label, values, null, value => choose({ ...from(), [name]: value }));
    const node = h("div", {}, h("div", { class: "cw-cap", "aria-hidden": "true" }, capital(label)), control.node);
    return { name, values, control, node };
  });
  const corners = CORNERS.map(({ text, changed }) => {
    const settings = { ...BASE, ...changed };
    return { settings, node: h("button", { type: "button", class: "cw-chip", onclick: () => choose(settings) }, text) };
  });
  const mode = h("label", { class: "cw-cap" }, single, "One change from base at a time");
  const task = h("div", { class: "ol-task" }, h("p", {}, TASK), mode);
  const legend = h("div", { class: "ol-legend cw-cap" }, h("em", {}, "Dashed"), ": not recorded");

  // The charts
  const marker = {
    label: "Patience of early stopping, in epochs",
    moved: patience => {
      bound.set({ patience });
      drawPatience();
    },
    text: patience => `↔ patience ${patience}`,
    held: true,
  };
  const place = (what, y, more) => chart({
    label: `${what} by epoch`, x: { label: "epoch" }, y: { label: what, ...y }, height: 224,
    sides: SIDES, hovered: (x, run) => look(x, run), ...more,
  });
  const loss = place("Loss", { digits: 2 }, { marker, reads: true });
  const accuracy = place("Accuracy", { percent: true }, { words: true });
  // What is shaded in both charts is named once
  const [seeds, gap] = ["ol-seeds", "ol-gap"].map(kind => h("span", { class: `ol-key cw-cap ${kind}` }, h("i"), h("span")));
  for (const view of [loss, accuracy]) view.node.querySelector(".cw-legend").remove(); // names are at the lines' ends
  loss.node.firstChild.append(seeds);
  gap.lastChild.textContent = "gap";
  accuracy.node.firstChild.append(gap);

  // The results
  const headline = h("p", { class: "cw-lead ol-headline" });
  const verdict = h("p", { class: "ol-verdict" });
  const lead = h("p", { class: "ol-lead" });
  const table = h("tbody");
  const look = bringing(table, [loss, accuracy]);
  const heads = ["Mean of the last ten epochs", ...COLUMNS.map(column => column.head)].map((text, k) => {
    return h("th", { scope: "col" }, text, k ? h("span", { class: "ol-less" }) : null);
  });
  const figures = h("table", { class: "cw-table ol-table" }, h("thead", {}, h("tr", {}, heads, h("td"))), table);
  const { ranks, scale } = ranking();
  const ranked = h(
    "details", { class: "cw-cap" }, h("summary", {}, "All single changes, ranked: guess first"),
    h("p", {}, RANKING), h("div", { class: "ol-ranks", style: scale }, ranks.map(rank => rank.node)),
  );
  const note = h("p", { class: "cw-cap" });
  const singles = h("span");
  const more = h("details", { class: "cw-cap" }, h("summary", {}, "How to read this"), HOW_TO_READ, singles);
  const train = button("Train this combination now", () => python.send({ type: "train", settings: model.get("settings") }));
  const stop = button("Stop", () => python.send({ type: "stop" }));
  const state = h("span", { class: "cw-cap", role: "status" });
  const foot = h("div", { class: "cw-foot" }, state, train, stop);
  root.append(
    task,
    h(
      "div", { class: "ol-corners", role: "group", "aria-label": "Recorded combinations" },
      corners.map(corner => corner.node),
    ),
    h("div", { class: "ol-fields" }, fields.map(field => field.node), legend),
    h("div", { class: "ol-result" }, headline, verdict),
    h("div", { class: "ol-charts" }, loss.node, accuracy.node),
    lead, figures, note, ranked, more, foot,
  );

  /** The run that was trained here with these settings. */
  const trainedAs = key =>
    model.get("trained").find(run => keyOf(run.settings) === key && run.summary);
  const canTrain = () => model.get("trainable") && Boolean(model.send);
  const recordOf = settings => records.get(keyOf(settings)) ?? trainedAs(keyOf(settings));

  function redraw() {
    const settings = model.get("settings");
    const key = keyOf(settings);
    const record = recordOf(settings);
    const near = records.has(key) ? null : nearest(settings);
    for (const { name, values, control } of fields) {
      control.set(settings[name]);
      values.forEach(({ value, text }, k) => {
        const known = value === settings[name] || records.has(keyOf({ ...from(), [name]: value }));
        control.buttons[k].classList.toggle("ol-known", known);
        control.buttons[k].setAttribute("aria-label", known ? text : `${text}, not recorded`);
      });
    }
    legend.hidden = single.checked;
    for (const { settings: own, node } of [...corners, ...ranks]) node.setAttribute("aria-pressed", keyOf(own) === key);

    const pins = model.get("pinned").map((pin, k) => ({ ...PINS[k], settings: pin, record: recordOf(pin) }));
    const now = records.has(key) && trainedAs(key);
    const shownKeys = [record && key, near && keyOf(near)];
    const others = pins.filter(pin => !shownKeys.includes(keyOf(pin.settings)));
    // What every run is compared with, behind it, unless it is there already
    const isThere = [...shownKeys, ...pins.map(pin => keyOf(pin.settings))].includes(keyOf(BASE));
    const base = { letter: "base", colour: "ghost", settings: BASE, record: recordOf(BASE) };
    const compares = isThere ? others : [base, ...others];
    const own = resultOf(record);
    const hasGap = own?.gap > 0;
    const hasBands = own && !others.length && record.runs.length > 1;
    seeds.hidden = !hasBands;
    seeds.lastChild.textContent = hasBands ? `${record.runs.length} seeds` : "";
    gap.hidden = !hasGap;
    for (const [part, view] of [["loss", loss], ["accuracy", accuracy]]) {
      const gaps = part === "accuracy" && hasGap ? [gapBand(record.mean)] : [];
      view.set({
        x: [0, EPOCHS],
        y: ENDS[part],
        ticks: TICKS[part],
        series: [
          ...(near ? compared("nearest", "ghost", part, recordOf(near)) : []),
          ...compares.flatMap(one => (one.record ? compared(one.letter, one.colour, part, one.record, false) : [])),
          ...(now ? compared("now", "c6", part, now) : []),
          ...(record ? main(part, record) : []),
        ],
        bands: [...gaps, ...(hasBands ? seedBands(part, record) : [])],
      });
    }
    showPatience();
    const reference = resultOf(pins[0]?.record) ? pins[0] : base; // of the other rows

    const rows = [
      ...(record ? [["This run", "c1", settings, record]] : []),
      ...(near ? [["Nearest", "ghost", near, recordOf(near)]] : []),
      ...compares.map(one => [capital(one.letter), one.colour, one.settings, one.record]),
    ];
    const held = table.querySelector("button:focus");
    const run = held?.closest("tr").dataset.run;
    table.replaceChildren(...rows.map(one => row(...one, reference)));
    const next = table.querySelector(`[data-run="${run}"]`) ?? table.firstChild;
    if (held) next.querySelector(`.${held.classList[0]}`)?.focus();
    const against = [reference, base].find(one => keyOf(one.settings) !== key);
    const missing = canTrain() ? "Not recorded: predict the curve." : "Not recorded: the nearest run is drawn in grey.";
    headline.replaceChildren(...(own ? headlineOf(settings, own, against) : record ? [] : [missing]));
    write(verdict, own ? verdictOf(own, record, against) : "");
    note.replaceChildren(...finding(record, spread.validation));
    note.hidden = !note.firstChild;
    singles.textContent = rows.filter(one => resultOf(one[3])).map(([name, , , { ends }]) => (
      `${name}: ${between(ends.flatMap(([, ...two]) => two))} %. `)).join("");
    showState(key, record);
  }

  /** The recorded runs with one change from base, the best first, as buttons with bars, and the scale of these. */
  function ranking() {
    const { validation } = resultOf(records.get(keyOf(BASE)));
    const ones = [...records.values()].filter(({ settings }) => changes(settings).length === 1);
    const all = ones.map(record => ({ ...record, more: shownDifference(resultOf(record).validation, validation) }));
    const list = all.sort((one, other) => other.more - one.more).map(({ settings, more }) => {
      const bar = h("i", { style: `--from: ${Math.min(0, more)}; --to: ${Math.max(0, more)}` });
      const points = signed(more, fixed(100 * more, 1));
      const words = [unbroken(described(settings)), points].map(text => h("span", {}, text));
      const press = { type: "button", class: "ol-rank", onclick: () => choose(settings) };
      const node = h("button", press, words[0], h("span", { class: "ol-bar" }, bar), words[1]);
      return { settings, more, node };
    });
    const [low, high] = [Math.min, Math.max].map(end => end(0, ...list.map(({ more }) => more)));
    return { ranks: list, scale: `--low: ${low}; --span: ${high - low}; --chance: ${spread.validation}` };
  }

  /** Where early stopping ends the first run, and what that would have done. */
  function showPatience() {
    const settings = model.get("settings");
    const record = recordOf(settings);
    if (record) lead.textContent = sentence();
    else advise(nearest(settings), settings);
    if (!resultOf(record)) {
      accuracy.set({ rules: [], dots: [] });
      loss.set({ rules: [], dots: [], shade: null, marker: null, stops: [] });
      return;
    }
    const { validation_loss: losses, validation_accuracy: accuracies } = record.runs[0];
    const patience = model.get("patience");
    const { stopped, kept } = earlyStop(losses, patience);
    const lowest = losses.indexOf(Math.min(...losses)) + 1;
    const dotOf = (values, x, label = "") => ({ colour: "c2", x, y: values[x - 1], label });
    const keeps = { x: kept, label: `keeps ${kept}` };
    const stops = stopped < losses.length ? [{ x: stopped, label: `stops ${stopped}` }] : [];
    accuracy.set({ rules: [keeps, ...stops], dots: [dotOf(accuracies, kept)] });
    loss.set({
      rules: [keeps],
      dots: [dotOf(losses, kept), ...(kept === lowest ? [] : [dotOf(losses, lowest, `lowest: ${lowest}`)])],
      shade: { colour: "c2", ends: [kept, stopped] },
      marker: patience,
      stops: PATIENCE.map(value => ({ value, x: earlyStop(losses, value).stopped })),
    });
  }

  /** A name of one line. */
  function nameOf(settings) {
    const corner = corners.find(one => keyOf(one.settings) === keyOf(settings));
    return corner?.node.textContent ?? (changes(settings).length === 1 ? described(settings) : "this run");
  }

  /** How far a difference stands out from the range of base’s seeds: 0 within it, 1 up to twice, 2 from there on. */
  const standing = more => (Math.abs(more) <= spread.validation ? 0 : Math.abs(more) < 2 * spread.validation ? 1 : 2);

  /** The result in a sentence: the difference from another run, else, with less weight, from training. */
  function headlineOf(settings, own, other) {
    const more = shownDifference(own.validation, other ? resultOf(other.record).validation : own.train);
    const points = `${fixed(100 * Math.abs(more), 1)} points`;
    const side = more > 0 ? " above " : " below ";
    const apart = [["no clear difference from "], [points, side], [h("b", {}, points), side]][standing(more)];
    return [
      `${capital(nameOf(settings))}: validation accuracy `, h("b", {}, unbroken(percent(own.validation, 1))), ", ",
      ...(other ? [...apart, other.letter, "."] : [points, side, "training."]),
    ];
  }

  /** What that difference is worth; of base itself, what differs without any change. */
  function verdictOf(own, record, other) {
    const points = `${fixed(100 * spread.validation, 1)} points`;
    if (!other) return `${record.runs.length} seeds of base differ by up to ${points}, with no change at all.`;
    const range = `the range of base’s seeds (${points})`;
    const but = record.runs.length > 1 ? "less than twice that" : "of one seed only";
    return [
      `The difference is no larger than ${range}.`,
      `Larger than ${range}, but ${but}, so it may be chance.`,
      `At least twice ${range}.`,
    ][standing(shownDifference(own.validation, resultOf(other.record).validation))];
  }

  /** A row of the table, compared with another run. */
  function row(name, colour, settings, record, reference) {
    const values = resultOf(record);
    const pins = model.get("pinned");
    const pin = pinned => set({ pinned });
    const k = pins.findIndex(other => keyOf(other) === keyOf(settings));
    const letter = PINS[k]?.letter;
    const isFull = !letter && pins.length === PINS.length;
    const whose = { Nearest: "the grey run", Base: "base" }[name] ?? "this run";
    const swap = letter
      ? button("Unpin", () => pin(pins.filter((_, n) => n !== k)), { name: `Unpin ${letter}` })
      : button(isFull ? "3 pinned" : "Pin", () => pin([...pins, settings]), {
        name: `Pin ${whose} to compare it with others`,
      });
    swap.disabled = isFull;
    const says = name === "Base" ? "" : ` ${described(settings)}`;
    const words = [h("b", {}, letter && letter !== name ? `${name} = ${letter}` : name), says];
    const show = { type: "button", class: "ol-show", onclick: () => choose(settings) };
    const label = colour === "c1" ? h("span", {}, words) : h("button", show, words);
    const base = keyOf(reference.settings) !== keyOf(settings) && resultOf(reference.record);
    const cells = COLUMNS.map(({ part, text }) => {
      const isFair = values && base && (part === "validation" || sharesTraining(settings, reference.settings));
      const less = isFair ? difference(shownDifference(values[part], base[part]), spread[part], text) : "";
      const range = values && part === "validation" ? h("div", { class: "cw-cap" }, rangeOf(record)) : null;
      return h("td", {}, values ? text(values[part]) : "–", h("span", { class: "ol-less" }, less), range);
    });
    const swatch = h("i", { class: `ol-swatch ${colour}` });
    const begin = h("th", { scope: "row" }, h("span", { class: "ol-name" }, swatch, h("span", {}, label)));
    return h("tr", { "data-run": name }, begin, cells, h("td", {}, swap));
  }

  /** What early stopping would have done with the first run. */
  function sentence() {
    const record = recordOf(model.get("settings"));
    if (!record) return "This combination was not recorded.";
    const { runs, ends: [[mean, low, high]] } = record;
    const { validation_loss: losses, validation_accuracy: accuracies } = runs[0];
    if (!resultOf(record)) {
      const done = `${losses.length} ${losses.length === 1 ? "epoch" : "epochs"}`;
      const now = `validation accuracy ${percent(accuracies.at(-1), 1)}.`;
      const more = "Early stopping and means are shown from ten epochs on.";
      return unbroken(`${done}${isTraining(keyOf(record.settings)) ? " so far" : ""}: ${now} ${more}`);
    }
    const patience = model.get("patience");
    const { stopped, kept } = earlyStop(losses, patience);
    const reached = accuracies[kept - 1];
    const more = shownDifference(reached, mean);
    const isWithin = shownDifference(reached, low) >= 0 && shownDifference(high, reached) >= 0;
    const range = `${between([low, high])} %`;
    const whose = runs.length > 1 ? "that seed’s" : "its";
    const effect = isWithin
      ? `within the range of ${whose} last ${LAST} epochs, ${range} (mean ${percent(mean, 1)}).`
      : `${fixed(100 * Math.abs(more), 1)} points ${more > 0 ? "above" : "below"} ${whose} mean of the last ${LAST} epochs, ${
        percent(mean, 1)} (range ${range}).`;
    const who = runs.length > 1 ? `the first of ${runs.length} seeds (thin line)` : "the run";
    const isOpen = stopped === losses.length && stopped - kept < patience; // so far
    const next = isOpen ? `go on after epoch ${stopped}` : `stop after epoch ${stopped}`;
    const end = stopped === EPOCHS ? "run to the end" : next;
    return unbroken(`With patience ${patience}, ${who} would ${end} and keep epoch ${kept}, with ${
      percent(reached, 1)} validation accuracy: ${effect}`);
  }

  function advise(near, settings) {
    const differs = options.filter(option => near[option.name] !== settings[option.name]).map(option => option.label);
    const show = h("button", { type: "button", class: "ol-show", onclick: () => choose(near) }, `Show ${described(near)}`);
    lead.replaceChildren(`The nearest recorded run (grey) differs in ${differs.join(" and ")}. `, show);
  }

  /** Whether a run with these settings is under way. */
  function isTraining(key) {
    const last = model.get("trained").at(-1);
    return Boolean(model.get("status").running && last && keyOf(last.settings) === key);
  }

  function showState(key, record) {
    const { running, ending, problem, step, steps, seconds, limit } = model.get("status");
    const own = model.get("trained").find(run => keyOf(run.settings) === key);
    const can = canTrain();
    train.hidden = !can || running;
    train.classList.toggle("cw-main", !record);
    stop.hidden = !running;
    stop.disabled = ending;
    const which = isTraining(key) ? "" : " another combination";
    const progress = steps ? `Training${which}: step ${step} of ${steps}, ${Math.round(seconds)} of at most ${limit} seconds.` : "Preparing …";
    const done = own?.runs[0].validation_loss.length;
    const stopped = own && done < EPOCHS ? `Stopped after ${done} of ${EPOCHS} epochs. ` : "";
    const rest = own && records.has(key) && done ? "Trained just now: the dark grey lines." : "";
    const words = problem || (ending ? "Ending the run …" : running ? progress : stopped + rest);
    write(state, words);
    foot.hidden = !can && !words;
  }

  function nearest(settings) {
    const apart = known => options.filter(option => known[option.name] !== settings[option.name]).length;
    return model.get("records").map(record => record.settings).reduce((best, known) => (apart(known) < apart(best) ? known : best));
  }

  /** The options in which a run differs from base. */
  function changes(settings) {
    return options.filter(({ name }) => settings[name] !== BASE[name]);
  }

  function described(settings) {
    const textOf = ({ name, values }) => values.find(({ value }) => value === settings[name])?.text;
    return changes(settings).map(option => `${option.label} ${textOf(option)}`).join(", ") || "base";
  }

  redraw();
  return () => {
    loss.close();
    accuracy.close();
    bound.close();
    close();
  };
}

/** The means of a run, once it has enough epochs for them, with the gap of those that are shown. */
function resultOf(record) {
  if (!(record?.runs[0].validation_loss.length >= LAST) || !record.summary) return undefined;
  const { train, validation } = record.summary;
  return { train, validation, gap: shownDifference(train, validation) };
}

/** A share as it is shown, in tenths of a percent. */
const tenths = share => Math.round(10 * +(100 * share).toFixed(1));

/** The difference of two results as they are shown. */
const shownDifference = (a, b) => (tenths(a) - tenths(b)) / 1000;

/** Whether a result is not the last word: training still gains, and validation does not lose yet. */
function isUnfinished(record) {
  if (!resultOf(record) || record.mean.train_loss.length < EPOCHS) return false;
  const fall = name => meanOf(record.mean[name].slice(-10, -5)) - meanOf(record.mean[name].slice(-5));
  return fall("train_loss") > 0 && fall("validation_loss") >= 0;
}

/**
 * That loss and accuracy have their best at different times: loss rises by 15 % and more until accuracy is highest, and
 * accuracy by more than `chance`. Each is a mean of five epochs, since single ones vary.
 */
function disagreement(record, chance) {
  if (!resultOf(record) || record.mean.validation_loss.length < EPOCHS) return null;
  const spans = values => values.slice(SPAN - 1).map((_, k) => meanOf(values.slice(k, k + SPAN)));
  const [losses, shares] = ["loss", "accuracy"].map(part => spans(record.mean[`validation_${part}`]));
  const [low, high] = [losses.indexOf(Math.min(...losses)), shares.indexOf(Math.max(...shares))];
  if (high <= low || losses[high] < 1.15 * losses[low] || shares[high] - shares[low] <= chance) return null;
  const epochs = k => `epochs ${k + 1}–${k + SPAN}`;
  const last = shares.at(-1);
  const fall = shares[high] - last > chance
    ? `By ${epochs(shares.length - 1)}, accuracy has fallen again, to ${percent(last, 1)}. ` : "";
  const [best, there] = [percent(shares[high], 1), fixed(losses[high])];
  return `: in means of five epochs, validation loss is lowest in ${epochs(low)} (${fixed(losses[low])}), `
    + `but accuracy highest in ${epochs(high)} (${best}), when loss is ${there}. ${fall}${SURE}`;
}

/** The one thing to see in a run, if there is any. */
function finding(record, chance) {
  const apart = disagreement(record, chance);
  if (apart) return [h("b", {}, "Loss and accuracy disagree"), unbroken(apart)];
  if (!isUnfinished(record)) return [];
  const why = `: at epoch ${EPOCHS} training loss is still falling and validation loss is not rising yet`;
  return [h("b", {}, "Not finished"), why, ", so more epochs may help."];
}

const meanOf = values => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The smallest and the largest of some accuracies, in percent. */
const between = values => [Math.min(...values), Math.max(...values)].map(end => fixed(100 * end, 1)).join("–");

/** How far a result varies over the seeds. */
const rangeOf = ({ ends }) => (ends.length > 1 ? `${ends.length} seeds: ${between(ends.map(([mean]) => mean))}` : "one seed");

/** Whether training accuracy was measured alike. */
const sharesTraining = (a, b) => ["dropout", "augmentation", "wrong_labels"].every(name => a[name] === b[name]);

const pointsOf = values => values.map((value, k) => [k + 1, value]);

/** The chosen run: the mean of the seeds strong, and the first seed thin, since early stopping is shown for it. */
function main(part, { runs, mean }) {
  const of = run => KINDS.map(kind => ({ ...kind, points: pointsOf(run[`${kind.part}_${part}`]), run: "This run" }));
  const [training, validation] = of(mean);
  const first = { ...of(runs[0])[1], name: "", thin: true, kind: "first", dash: "" };
  return [...(runs.length > 1 ? [first] : []), training, validation];
}

/** The range of the seeds in each epoch. */
const seedBands = (part, { runs }) => KINDS.map(kind => {
  const columns = runs.map(run => run[`${kind.part}_${part}`]);
  const points = columns[0].map((_, k) => columns.map(column => column[k])).map((all, k) => [k + 1, Math.min(...all), Math.max(...all)]);
  return { colour: kind.colour, points };
});

/** A run to compare with: validation with its name, training thin; of a pin, only while the run is brought forward. */
function compared(name, colour, part, { mean }, hasTraining = true) {
  const training = hasTraining ? { name: `${name}, training`, end: "" } : { name: "", kind: "ol-training" };
  const run = capital(name);
  return [
    { ...training, run, colour, thin: true, points: pointsOf(mean[`train_${part}`]) },
    {
      name: `${name}, validation`, end: name, kind: `ol-${name}`, run, colour, dash: DASH,
      points: pointsOf(mean[`validation_${part}`]),
    },
  ];
}

/** The area between training and validation accuracy. */
function gapBand({ train_accuracy: train, validation_accuracy: validation }) {
  const points = train.map((value, k) => [k + 1, validation[k], Math.max(value, validation[k])]);
  return { colour: "ghost", points };
}

const capital = text => text[0].toUpperCase() + text.slice(1);

/** A difference in the unit of `text`, with a sign; "≈" if it is within the range of the seeds. */
function difference(value, chance, text) {
  if (Math.abs(value) <= chance) return " ≈";
  return ` ${signed(value, text(value).replace(" %", ""))}`;
}

const signed = (value, text) => (value > 0 ? `+${text}` : text);
