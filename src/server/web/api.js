// SPDX-License-Identifier: Apache-2.0
// The server's API, and the stream of what happens.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function failure(answer) {
  const words = (await answer.text()).trim();
  try {
    const problem = JSON.parse(words); // RFC 9457
    return new ApiError(answer.status, problem.detail || problem.title || `status ${answer.status}`);
  } catch {
    return new ApiError(answer.status, words || `status ${answer.status}`);
  }
}

export async function get(path, parameters = {}) {
  const chosen = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const query = new URLSearchParams(chosen);
  const answer = await fetch(`api/v1/${path}${chosen.length ? `?${query}` : ""}`, { cache: "no-store" });
  if (!answer.ok) throw await failure(answer);
  const value = await answer.json();
  return { value, next: answer.headers.get("X-Next-Cursor"), tag: answer.headers.get("ETag") };
}

// All pages of a list; `cursor` is what the query calls the place where the next one begins.
export async function getAll(path, cursor, parameters = {}) {
  const items = [];
  let place;
  do {
    const { value, next } = await get(path, { limit: 1000, ...parameters, [cursor]: place });
    items.push(...value);
    place = next;
  } while (place);
  return items;
}

// Apps with their releases, which may go on on the next page.
export async function getApps() {
  const apps = [];
  for (const app of await getAll("releases", "before")) {
    const last = apps.at(-1);
    if (last && last.app === app.app) last.releases.push(...app.releases);
    else apps.push(app);
  }
  return apps;
}

// Whoever needs to know who we are: { user, scope } of the session, or null where the server knows none.
export const me = { user: null, scope: "read", token: null, isKnown: false };
const SCOPES = ["none", "read", "deploy", "admin"];
export const may = (scope) => SCOPES.indexOf(me.scope) >= SCOPES.indexOf(scope);

function become(session) {
  Object.assign(me, { user: session.user, scope: session.scope, token: session.csrf_token, isKnown: true });
}

export async function identify() {
  const answer = await fetch("api/v1/session", { cache: "no-store" });
  if (answer.ok) become(await answer.json());
  else Object.assign(me, { user: null, scope: answer.status === 404 ? "read" : "none", token: null, isKnown: answer.status !== 404 });
}

const TRIES = 3, PAUSE_MSEC = 700;

// What does not come through is sent again: the server knows a repetition by its key, or by its place.
async function insist(request) {
  for (let tries = 1; ; tries++) {
    try {
      const answer = await request();
      if (answer.status !== 503 || tries === TRIES) return answer;
    } catch (error) {
      if (tries === TRIES) throw new Error("The server does not answer. Nothing is known to have been changed.");
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MSEC * tries));
  }
}

// A change. match: the ETag of what was looked at; if somebody else has changed that since, it is refused (412).
export async function send(method, path, body, match = "") {
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
  const headers = { "Idempotency-Key": key, ...(me.token ? { "X-CSRF-Token": me.token } : {}), ...(match ? { "If-Match": match } : {}), ...(body ? { "Content-Type": "application/json" } : {}) };
  const answer = await insist(() => fetch(`api/v1/${path}`, { method, headers, body: body ? JSON.stringify(body) : undefined, cache: "no-store" }));
  if (!answer.ok) throw await failure(answer);
  return answer.status === 204 || !(answer.headers.get("Content-Type") || "").includes("json") ? null : answer.json();
}

export async function sendBytes(path, bytes) {
  const headers = { "Content-Type": "application/octet-stream", ...(me.token ? { "X-CSRF-Token": me.token } : {}) };
  const answer = await insist(() => fetch(`api/v1/${path}`, { method: "PUT", headers, body: bytes, cache: "no-store" }));
  if (answer.status === 409) { // an answer was lost: is this piece there already?
    const problem = await failure(answer), there = / has (\d+) bytes/.exec(problem.message);
    const end = Number(new URLSearchParams(path.split("?")[1]).get("offset")) + bytes.length;
    if (!there || Number(there[1]) !== end) throw problem;
  } else if (!answer.ok) {
    throw await failure(answer);
  }
}

// "rollouts/a%20b?app=x"
export const at = (app, ...parts) => `${parts.map(encodeURIComponent).join("/")}${app ? `?app=${encodeURIComponent(app)}` : ""}`;

export async function logIn(user, password) {
  become(await send("POST", "session", { user, password }));
}

export async function logOut() {
  await send("DELETE", "session");
  await identify();
}

// --- what happens ---

const POLL_MSEC = 10000;

// The newest of each: "live" (counters), "overview" (the fleet by version), "pulse" (how we hear of it).
export const now = { live: null, overview: null, pulse: "connecting" };
const followers = new Set();
let source = null, timer = 0;

export function follow(follower) {
  followers.add(follower);
  return () => followers.delete(follower);
}

function tell(topic, value) {
  now[topic] = value;
  for (const follower of [...followers]) follower(topic);
}

// Where the stream is refused (too many listen, or a proxy holds it back) asking does as well.
async function poll() {
  try {
    const [overview, rollouts] = await Promise.all([get("overview"), getAll("rollouts", "before")]);
    const states = Object.fromEntries(STATE_NAMES.map((name) => [name, 0]));
    for (const row of overview.value.states) states[STATE_NAMES[row.state]] += row.devices;
    tell("overview", overview.value);
    tell("live", { at: overview.value.at, devices: overview.value.devices, states, rollouts,
      checks_per_second: null, writer_healthy: true });
    tell("pulse", "asking");
  } catch {
    tell("pulse", "away");
  }
}

const STATE_NAMES = ["new", "up-to-date", "offered", "downloading", "installed", "failed", "held"];

function fallBack() {
  if (!timer) timer = setInterval(poll, POLL_MSEC);
  poll();
}

export function connect() {
  source = new EventSource("api/v1/stream");
  source.addEventListener("live", (event) => {
    clearInterval(timer);
    timer = 0;
    tell("live", JSON.parse(event.data));
    if (now.pulse !== "live") tell("pulse", "live");
  });
  source.addEventListener("overview", (event) => tell("overview", JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) {
      fallBack();
      setTimeout(connect, 3 * POLL_MSEC);
    } else {
      tell("pulse", "away");
    }
  });
}

export function disconnect() {
  if (source) source.close();
  clearInterval(timer);
  timer = 0;
}

// Once there: the overview and the counters, from the stream or asked for.
export async function ready() {
  if (now.live && now.overview) return;
  await new Promise((resolve, reject) => {
    if (!may("read")) {
      reject(new ApiError(401, "log in first"));
      return;
    }
    const stop = follow(() => {
      if (now.live && now.overview) {
        stop();
        resolve();
      }
    });
    setTimeout(() => {
      if (!now.overview) poll();
    }, 3000);
  });
}
