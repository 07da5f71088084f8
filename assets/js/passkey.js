/*
 * What a passkey needs of the browser: asks the server what is to be signed,
 * the browser for it, and sends what came as the form's field `credential`.
 * What says data-passkey is the form, or stands beside it.
 */
"use strict";

const part = document.querySelector("[data-passkey]");
const field = document.querySelector("input[name=credential]");
const problem = part.querySelector("[role=alert]");

function bytes(text) {
	const base64 = text.replace(/-/g, "+").replace(/_/g, "/");
	return Uint8Array.from(atob(base64), c => c.charCodeAt(0));
}

function text(buffer) {
	let all = "";
	for (const byte of new Uint8Array(buffer))
		all += String.fromCharCode(byte);
	return btoa(all).replace(/\+/g, "-").replace(/\//g, "_")
	    .replace(/=/g, "");
}

function say(words) {
	problem.textContent = words;
	problem.hidden = false;
}

/* What is to be signed came with the page, or is asked for now. */
async function ask() {
	if (part.dataset.options)
		return JSON.parse(part.dataset.options).publicKey;
	const answer = await fetch(part.dataset.begin, { method: "POST",
	    headers: { accept: "application/json" } });
	const said = await answer.json();
	if (said.error === "confirm_required")
		location.reload();
	if (!answer.ok)
		throw new Error(said.message);
	return said.publicKey;
}

function unpack(options) {
	const named = list => (list || []).map(one =>
	    ({ ...one, id: bytes(one.id) }));
	const all = { ...options, challenge: bytes(options.challenge) };
	if (all.user)
		all.user = { ...all.user, id: bytes(all.user.id) };
	if (all.excludeCredentials)
		all.excludeCredentials = named(all.excludeCredentials);
	if (all.allowCredentials)
		all.allowCredentials = named(all.allowCredentials);
	return all;
}

/* As toJSON() of newer browsers; of a new one without its attestation. */
function pack(made) {
	const r = made.response, response = {
		clientDataJSON: text(r.clientDataJSON),
		authenticatorData: text(r.getAuthenticatorData ?
		    r.getAuthenticatorData() : r.authenticatorData)
	};
	if (r.signature)
		response.signature = text(r.signature);
	if (r.getTransports)
		response.transports = r.getTransports();
	return JSON.stringify({ id: made.id, rawId: text(made.rawId),
	    type: made.type, response,
	    clientExtensionResults: made.getClientExtensionResults() });
}

function why(error) {
	switch (error.name) {
	case "NotAllowedError":
	case "AbortError":
		return "No passkey answered: it was called off, or took too long.";
	case "InvalidStateError":
		return "What answered is among the passkeys here already.";
	case "SecurityError":
		return "Passkeys are for the address that LICET_PUBLIC_URL names; " +
		    "this page was opened at another.";
	default:
		return error.message;
	}
}

async function answer(form) {
	problem.hidden = true;
	try {
		const publicKey = unpack(await ask());
		field.value = pack(part.dataset.passkey === "create" ?
		    await navigator.credentials.create({ publicKey }) :
		    await navigator.credentials.get({ publicKey }));
		form.submit();
	} catch (error) {
		say(why(error));
	}
}

if (window.PublicKeyCredential) {
	field.form.addEventListener("submit", event => {
		event.preventDefault();
		answer(field.form);
	});
	part.hidden = false;
} else {
	part.hidden = false;
	say("This browser has no passkeys, or the page did not come over https.");
}
