// May this program run here?  The same as the Python one; Node 18 or later.
import crypto from "node:crypto";
import fs from "node:fs";

const SERVER = "https://licenses.example.com";
const PRODUCT = "my-editor";
const PRODUCT_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const PUBLIC_KEYS = [
  "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
];
const ACTIVATION = Buffer.from("licet activation 1\n");
const REQUEST = Buffer.from("licet request 1\n");
const KEPT = "license.json";
const TIMEOUT = 5000;
const HOUR = 3600, DAY = 86400, FRESH = DAY, TRUST = 30 * DAY;

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const sha256 = (data) => crypto.createHash("sha256").update(data).digest();
const clock = () => Date.now() / 1000;

function unbase32(text) {
  const out = [];
  let bits = 0, value = 0;
  for (const c of text.toUpperCase()) {
    const digit = DIGITS.indexOf(c);
    if (digit < 0) throw new Error("bad_format");
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push((value >> bits) & 0xff);
    }
  }
  return Buffer.from(out);
}

function isSigned(payload, signature) {
  return PUBLIC_KEYS.some((key) => crypto.verify(null, payload, {
    key: Buffer.from(key, "base64"), format: "der", type: "spki",
  }, signature));
}

// { ends, grants } of a key or activation, or an Error that says why it is none
// for this machine.
function readKey(text, fingerprint) {
  const parts = text.trim().split("-");
  const isKey = parts[0] === "LIC1";
  if (parts.length !== 3 || !isKey && parts[0] !== "LICA1")
    throw new Error("bad_format");
  const payload = unbase32(parts[1]), signature = unbase32(parts[2]);
  const version = payload[0];
  if (signature.length !== 64 || (version !== 1 && version !== 2) ||
      payload.length < (version === 2 ? 83 : 74) ||
      !isKey && !(payload[1] & 1)) throw new Error("bad_format");
  const said = isKey ? payload : Buffer.concat([ACTIVATION, payload]);
  if (!isSigned(said, signature)) throw new Error("bad_signature");
  const product = Buffer.from(PRODUCT_ID.replaceAll("-", ""), "hex");
  if (!payload.subarray(2, 18).equals(product))
    throw new Error("product_mismatch");
  const bound = payload.subarray(version === 2 ? 50 : 42);
  if (payload[1] & 1 && !bound.subarray(0, 32).equals(sha256(fingerprint)))
    throw new Error("fingerprint_mismatch");
  if (version === 1) return { ends: 0, grants: [] };
  const grants = [];
  for (let n = payload[82], at = 83; n > 0; n--) {
    grants.push(payload.toString("utf8", at + 1, at + 1 + payload[at]));
    at += 1 + payload[at];
  }
  return { ends: Number(payload.readBigUInt64BE(42)), grants };
}

function machineFingerprint() {
  const machine = fs.readFileSync("/etc/machine-id", "utf8").trim();
  return sha256("my-editor:" + machine).toString("hex");
}

// What a machine without a network shows.
export function request(fingerprint) {
  const digest = sha256(fingerprint);
  const check = sha256(Buffer.concat([REQUEST, digest])).subarray(0, 4);
  let text = "LICQ1-", bits = 0, value = 0;
  for (const byte of Buffer.concat([digest, check])) {
    value = ((value << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += DIGITS[(value >> (bits - 5)) & 31];
  }
  return text + DIGITS[(value << (5 - bits)) & 31];
}

// The server's answer; null: it has none, which is not a no.
async function ask(key, fingerprint) {
  try {
    const r = await fetch(SERVER + "/v1/validate", {
      method: "POST", signal: AbortSignal.timeout(TIMEOUT),
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key, product_slug: PRODUCT, fingerprint }),
    });
    const answer = r.ok ? await r.json() : null;
    return typeof answer?.ok === "boolean" &&
      answer.reason !== "rate_limited" ? answer : null;
  } catch {
    return null;
  }
}

function load(what) {
  try {
    const kept = JSON.parse(fs.readFileSync(KEPT, "utf8"));
    if (kept.what === what) return kept;
  } catch {}
  return { what, first: clock(), at: 0, next: 0, seen: 0, failures: 0,
           answer: null };
}

function save(kept) {
  fs.writeFileSync(KEPT + ".new", JSON.stringify(kept));
  fs.renameSync(KEPT + ".new", KEPT);
}

function judge(kept, now, ends) {
  const answer = kept.answer;
  if (answer && !answer.ok) return answer.reason ?? "refused";
  if (answer) {
    const until = answer.grace_until ?? answer.expires_at;
    ends = until ? Date.parse(until) / 1000 : 0;
  }
  if (ends && now >= ends) return "expired";
  if (now - (kept.at || kept.first) > TRUST) return "unconfirmed";
  return null;
}

// { ok, reason, grants }
export async function check(key, fingerprint) {
  let said;
  try {
    said = readKey(key, fingerprint);
  } catch (e) {
    return { ok: false, reason: e.message, grants: [] };
  }
  const kept = load(sha256(key + "\n" + fingerprint).toString("hex"));
  let now = Math.max(clock(), kept.seen);
  if (key.trim().startsWith("LICA1")) {     // nobody is asked about it
    kept.seen = now;
    save(kept);
    const over = said.ends !== 0 && now >= said.ends;
    return { ok: !over, reason: over ? "expired" : null, grants: said.grants };
  }
  if (now > clock() || now >= kept.next || judge(kept, now, said.ends)) {
    const answer = await ask(key, fingerprint);
    if (answer) {
      now = clock();
      Object.assign(kept, { answer, at: now, next: now + FRESH, failures: 0 });
    } else {
      const wait = Math.min(6 * HOUR, 300 * 2 ** Math.min(kept.failures, 10));
      kept.failures += 1;
      kept.next = now + wait * (0.5 + Math.random());
    }
  }
  kept.seen = now;
  save(kept);
  const reason = judge(kept, now, said.ends);
  const grants = kept.answer ? kept.answer.entitlements ?? [] : said.grants;
  return { ok: reason === null, reason, grants };
}

if (process.argv[1].endsWith("license_check.mjs") &&
    process.argv[2] === "request") {
  console.log(request(machineFingerprint()));
} else if (process.argv[1].endsWith("license_check.mjs")) {
  const { ok, reason, grants } =
    await check(process.argv[2], machineFingerprint());
  console.log([ok ? "yes" : "no", ...(reason ? [reason] : grants)].join(" "));
  process.exitCode = ok ? 0 : 1;
}
