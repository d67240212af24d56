// SPDX-License-Identifier: Apache-2.0
// Publishing: images and payloads come in, jobs make payloads of images, what is stored and may go.
import { at, get, may, send } from "./api.js";
import { confirm } from "./actions.js";
import { ago, badge, bytes, card, duration, element, empty, facts, link, moment, number, percent, place, plural, table } from "./dom.js";
import { actions, attempt, column, durationText, edit, FieldError, Fields, say } from "./form.js";
import { upload } from "./upload.js";

export const title = "Publishing";
const REFRESH_MSEC = 1500;
const TONES = { queued: "idle", running: "busy", cancelling: "busy", done: "good", failed: "bad", cancelled: "idle" };
const isOpen = (job) => ["queued", "running", "cancelling"].includes(job.status);
const cpu = (msec) => (msec < 9950 ? `${(msec / 1000).toFixed(1)} s` : duration(msec / 1000));
const savingOf = (job, name) => job.payloads.reduce((sum, payload) => sum + (payload[name] || 0), 0);

// --- what comes in ---

const BUDGETS = [
  { name: "max_deltas", label: "Deltas at most", kind: "number", value: 5, hint: "those that are expected to save most" },
  { name: "cpu_seconds", label: "CPU time for deltas", kind: "duration", value: durationText(4 * 3600), hint: "0: no limit" },
  { name: "delta_bytes", label: "Bytes of all deltas", kind: "size", hint: "as 2 GB; empty: no limit" },
];
const CHANNEL = { name: "channel", label: "Then give it to channel", hint: "empty: to none; a rollout can bring it to some devices first" };

const imageFields = (apps) => [
  { name: "file", label: "Image of the root file system", kind: "file", hint: "the raw image that devices write into their slot" },
  { name: "app", label: "App", required: true, value: apps.length === 1 ? apps[0] : "", choices: apps, also: "app id" },
  { name: "version", label: "Version", required: true, also: "version" },
  CHANNEL, ...BUDGETS,
];

const payloadFields = () => [
  { name: "file", label: "Payload", kind: "file", hint: "made by swb-pack" },
  { name: "manifest", label: "Its manifest", kind: "file", accept: ".json,application/json", also: "manifest", hint: "the JSON file beside it" },
  CHANNEL,
  { name: "deadline", label: "Deadline, told to devices", hint: "empty: none" },
];

async function readManifest(file) {
  try {
    return JSON.parse(await file.text());
  } catch {
    throw new FieldError("manifest", "This file is not JSON.");
  }
}

const isGiven = (file, name) => {
  if (!file) throw new FieldError(name, "Choose a file.");
  return file;
};

async function sendImage({ file, ...values }, progress, stop) {
  const sha256 = await upload(isGiven(file, "file"), progress, stop);
  progress("Storing", 1);
  const job = await send("POST", "images", { ...values, upload: sha256 });
  say(`The image of ${job.version} is here; job ${job.id} makes its payloads.`);
}

async function sendPayload({ file, manifest, channel, deadline }, progress, stop) {
  const parsed = await readManifest(isGiven(manifest, "manifest"));
  const sha256 = await upload(isGiven(file, "file"), progress, stop);
  progress("Checking", 1);
  const made = await send("POST", "releases", { upload: sha256, manifest: parsed, name: file.name, ...(channel ? { channel } : {}), ...(deadline ? { deadline } : {}) });
  say(`${made.source_version ? `A delta from ${made.source_version}` : "The full payload"} of ${made.version} is published${made.key ? "" : "; its signature was not checked"}.`);
}

function comingIn(apps, page, done) {
  const place = element("div"), forms = { image: [() => imageFields(apps), sendImage, "Send the image"], payload: [payloadFields, sendPayload, "Send the payload"] };
  function show(kind) {
    const [list, work, yes] = forms[kind], fields = new Fields(list());
    const said = element("p", { class: "reason", role: "alert", hidden: true });
    const bar = element("progress", { max: "1", value: "0", "aria-label": "Progress of the upload" }), words = element("span", { role: "status" });
    const way = element("p", { class: "way", hidden: true }, bar, words);
    const go = element("button", { type: "submit", class: "primary" }, yes);
    const progress = (what, share) => {
      bar.value = share;
      const text = `${what}, ${Math.floor(share * 20) * 5} %`; // not each step to those who listen
      if (words.textContent !== text) words.textContent = text;
    };
    place.replaceChildren(element("form", { onsubmit: async (event) => {
      event.preventDefault();
      way.hidden = false;
      const sent = await attempt({ fields, said, button: go, work: (values) => work(values, progress, () => page.gone) });
      way.hidden = true;
      if (!sent || page.gone) return;
      show(kind);
      done();
    } }, element("div", { class: "grid" }, ...fields.nodes), way, said, element("div", { class: "buttons" }, go)));
  }
  const choice = element("fieldset", { class: "options" }, element("legend", {}, "What is it?"), ...[["image", "an image: the server makes its payloads"], ["payload", "a payload, full or delta"]].map(([value, words], i) =>
    element("label", {}, element("input", { type: "radio", name: "kind", value, checked: i === 0, onchange: () => show(value) }), words)));
  show("image");
  return card("Publish", choice, place);
}

// --- jobs ---

const doneBar = (job) => element("progress", { max: "100", value: job.percent, "aria-label": `Job ${job.id}: ${job.percent} %` });

function jobTable(jobs) {
  return table("Work on payloads", [
    { title: "Job", value: (job) => link(place("publishing", String(job.id)), `${job.id}`) },
    { title: "Version", value: (job) => element("span", { class: "strong" }, job.version) },
    { title: "", kind: "id", value: (job) => badge(job.status, TONES[job.status]) },
    { title: "Step", kind: "more", value: (job) => (isOpen(job) ? job.step : job.error || plural(job.payloads.filter((p) => p.outcome === "published").length, "payload")) },
    { title: "", kind: "wide", value: (job) => (isOpen(job) ? doneBar(job) : "") },
    { title: "Made", kind: "n more", value: (job) => bytes(job.bytes) },
    { title: "Saves the fleet", kind: "n more", value: (job) => (savingOf(job, "saving") ? bytes(savingOf(job, "saving")) : "–") },
    { title: "CPU time", kind: "n more", value: (job) => cpu(job.cpu_msec) },
    { title: "Begun", kind: "when more", value: (job) => ago(job.created) },
  ], jobs);
}

function outcomes(job) {
  return table("Payloads of this job", [
    { title: "Payload", kind: "id", value: (p) => (p.source_version ? `from ${p.source_version}${p.fallback ? ", for devices that can't apply the other" : ""}` : "full") },
    { title: "Devices", kind: "n more", value: (p) => (p.source_version ? number(p.devices) : "") },
    { title: "Size", kind: "n", value: (p) => (p.bytes ? bytes(p.bytes) : "–") },
    { title: "Of full", kind: "n more", value: (p) => (p.full_bytes && p.bytes ? percent(p.bytes, p.full_bytes) : "") },
    { title: "Expected to save", kind: "n more", value: (p) => (p.expected_saving === undefined ? "" : bytes(p.expected_saving)) },
    { title: "Saves", kind: "n", value: (p) => (p.saving === undefined ? "" : bytes(p.saving)) },
    { title: "CPU time", kind: "n more", value: (p) => cpu(p.cpu_msec) },
    { title: "Outcome", value: (p) => p.outcome },
  ], job.payloads);
}

async function mountJob(root, id, page) {
  const body = element("div", { class: "stack" });
  const cancel = actions("This job", ["deploy", "Cancel…", async () => {
    await confirm({ title: `Cancel job ${id}?`, words: ["What is published already stays. The delta that is being made is lost."], yes: "Cancel the job", tone: "danger", work: () => send("POST", at("", "jobs", id, "cancel")) });
    await load();
  }, "danger"]);
  const state = element("span");
  root.append(element("p", { class: "trail" }, link("#/publishing", title)), element("div", { class: "head" }, element("h1", { class: "grow" }, `Job ${id}`), state, cancel), body);
  let job = null;
  async function load() {
    ({ value: job } = await get(at("", "jobs", id)));
    if (page.gone) return;
    state.replaceChildren(badge(job.status, TONES[job.status]));
    if (cancel) cancel.hidden = !isOpen(job);
    const saving = savingOf(job, "saving"), expected = savingOf(job, "expected_saving");
    body.replaceChildren(...[job.error ? element("p", { class: "reason" }, job.error) : null,
      card(`Payloads of ${job.version}`, isOpen(job) ? element("p", { class: "way" }, doneBar(job), job.status === "queued" ? "waits for a server that runs with --jobs" : `${job.step}, ${job.percent} %`) : null,
        job.payloads.length ? outcomes(job) : empty(isOpen(job) ? "Nothing is made yet." : "Nothing had to be made.")),
      card("The job", facts(["App", job.app], ["By", job.who], ["Asked for", moment(job.created)], ["Begun", moment(job.started)], ["Ended", moment(job.ended)],
        ["CPU time", cpu(job.cpu_msec)], ["Made", bytes(job.bytes)], ["Deltas save the fleet", `${bytes(saving)}${expected ? `, expected: ${bytes(expected)}` : ""}`],
        ["Budgets", `${plural(job.plan.max_deltas, "delta")}, ${job.plan.cpu_seconds ? `${duration(job.plan.cpu_seconds)} of CPU time` : "any CPU time"}, ${job.plan.delta_bytes ? bytes(job.plan.delta_bytes) : "any size"}`],
        ["Then gives it to", job.plan.channel ? `channel ${job.plan.channel}` : "no channel"]))].filter(Boolean));
  }
  await load();
  page.every(REFRESH_MSEC, () => (isOpen(job) ? load() : null));
}

// --- what is stored ---

async function makeAgain(image, page) {
  const done = await edit({ title: `Make payloads of ${image.version}`, yes: "Begin", words: ["The full one if it is not there, then deltas from what devices run now. What is there is not made again."],
    fields: [CHANNEL, ...BUDGETS], work: (values) => send("POST", at(image.app, "jobs"), { ...values, version: image.version }) });
  if (done) location.hash = place("publishing", String(done.id));
}

async function removeImage(image, page) {
  const { value: fresh, tag } = await get(at("", "images", image.version), { app: image.app });
  const isUsed = fresh.used_by.length > 0;
  const ok = await confirm({ title: `Remove the image of ${image.version}?`, words: [isUsed ? `It is used by ${fresh.used_by.join(", ")}: without it no more deltas from or to this version can be made.` : "Nothing uses it.", "The release and its payloads stay."],
    yes: "Remove", tone: "danger", type: isUsed ? image.version : "", work: () => send("DELETE", `${at(image.app, "images", image.version)}${isUsed ? "&force=true" : ""}`, undefined, tag) });
  if (ok) page.reload();
}

async function removeFiles(files, page) {
  const ok = await confirm({ title: files.length === 1 ? "Remove this file?" : `Remove ${files.length} files?`, words: [`${bytes(files.reduce((sum, file) => sum + file.size, 0))} that no release uses.`], yes: "Remove", tone: "danger",
    work: async () => { for (const file of files) await send("DELETE", at("", "payload-files", file.sha256)); } });
  if (ok) page.reload();
}

const imageTable = (images, page) => table("Stored images", [
  { title: "Version", value: (image) => element("span", { class: "strong" }, image.version) },
  { title: "App", kind: "more", value: (image) => image.app },
  { title: "Size", kind: "n", value: (image) => bytes(image.size) },
  { title: "Used by", kind: "more", value: (image) => image.used_by.join(", ") || "nothing" },
  { title: "Since", kind: "when more", value: (image) => ago(image.created) },
  ...column("deploy", { name: (image) => image.version, rows: (image) => [["deploy", "Make payloads…", () => makeAgain(image, page)], ["deploy", "Remove…", () => removeImage(image, page), "danger"]] }),
], images);

const fileTable = (files, page) => table("Payload files that no release uses", [
  { title: "SHA-256", kind: "id", value: (file) => element("span", { class: "mono", title: file.sha256 }, `${file.sha256.slice(0, 12)}…`) },
  { title: "Size", kind: "n", value: (file) => bytes(file.size) },
  { title: "Since", kind: "when more", value: (file) => ago(file.changed) },
  ...column("deploy", { name: (file) => file.sha256.slice(0, 12), rows: (file) => [["deploy", "Remove…", () => removeFiles([file], page), "danger"]] }),
], files);

const measureTable = (measures) => table("What deltas took", [
  { title: "From", value: (m) => m.source_version },
  { title: "To", value: (m) => m.target_version },
  { title: "Delta", kind: "n", value: (m) => bytes(m.delta_bytes) },
  { title: "Of full", kind: "n", value: (m) => percent(m.delta_bytes, m.full_bytes) },
  { title: "CPU time", kind: "n more", value: (m) => cpu(m.cpu_msec) },
  { title: "Measured", kind: "when more", value: (m) => ago(m.at) },
], measures);

export async function mount(root, parameters, page) {
  if (parameters.path[0]) return mountJob(root, parameters.path[0], page);
  const [apps, images, unused] = await Promise.all([get("apps"), get("images"), get("payload-files", { unused: "true" })]);
  const measures = (await Promise.all(apps.value.map((app) => get("delta-measures", { app: app.app, limit: 50 })))).flatMap((answer) => answer.value);
  const jobs = element("div");
  let shown = [];
  async function load() {
    shown = (await get("jobs", { limit: 20 })).value;
    if (page.gone) return;
    jobs.replaceChildren(shown.length ? jobTable(shown) : empty("No work was asked for yet.", "For each image that is published the server makes the full payload, and deltas for what devices run.",
      ...(may("deploy") ? [] : ["swb-server publish IMAGE --app-id=ID --target-version=VERSION"])));
  }
  await load();
  root.append(element("div", { class: "head" }, element("h1", {}, title)),
    ...[may("deploy") ? comingIn(apps.value.map((app) => app.app), page, () => page.reload()) : null,
      card("Work on payloads", jobs),
      card("Stored images", images.value.length ? imageTable(images.value, page) : empty("No image is stored.", "Images that were published are kept, for deltas to be made from and to them.")),
      measures.length ? card("What deltas took", element("p", { class: "soft" }, "By these, the next ones are chosen: first that which is expected to save the fleet most."), measureTable(measures)) : null,
      unused.value.length ? card("Payload files that no release uses", fileTable(unused.value, page),
        unused.value.length > 1 ? actions("Unused files", ["deploy", "Remove all of them…", () => removeFiles(unused.value, page), "danger"]) : null) : null].filter(Boolean));
  page.every(REFRESH_MSEC, () => (shown.some(isOpen) ? load() : null));
}
