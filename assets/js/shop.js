/*
 * What scripts add to the shop: another tier or a code shows its price at
 * once, what was typed stays; a button counts once; the page after paying
 * looks again by itself.
 */
"use strict";

/* The page that came, in place of what is there. */
async function take(answer) {
	const page = new DOMParser().parseFromString(await answer.text(),
	    "text/html");
	const news = page.getElementById("buy");
	const old = document.getElementById("buy");
	if (!news || !old)
		return false;
	enhance(news);
	old.replaceWith(news);
	return true;
}

function focusOn(selector) {
	const to = document.querySelector(selector);
	if (to)
		to.focus({ preventScroll: true });
}

async function chooseTier(link) {
	const form = document.querySelector(".order form");
	const code = form.elements.code.value.trim();
	const email = form.elements.email.value;
	const url = new URL(link.href);
	url.hash = "";
	url.searchParams.delete("code");
	if (code && code.toUpperCase() !==
	    form.elements.prefilled.value.toUpperCase())
		url.searchParams.set("code", code);
	const answer = await fetch(url, { headers: { accept: "text/html" } });
	if (!answer.ok || !await take(answer)) {
		location.assign(link.href);
		return;
	}
	document.querySelector(".order form").elements.email.value = email;
	history.replaceState(null, "", url);
	focusOn(".tiers [aria-current]");
}

async function applyCode(form, button) {
	const fields = new URLSearchParams(new FormData(form, button));
	const answer = await fetch(form.action, { method: "POST", body: fields,
	    headers: { accept: "text/html" } });
	if (!await take(answer))
		throw new Error("no page");
	focusOn("#code");
}

document.addEventListener("click", event => {
	const card = event.target.closest(".tiers > li");
	const link = card && card.querySelector("h3 a");
	if (!link || event.defaultPrevented || event.button !== 0 ||
	    event.metaKey || event.ctrlKey || event.shiftKey ||
	    !String(getSelection()) === false)
		return;
	event.preventDefault();
	chooseTier(link).catch(() => location.assign(link.href));
});

document.addEventListener("submit", event => {
	const form = event.target;
	const button = event.submitter;
	if (!button || !form.closest("#buy"))
		return;
	if (button.value === "apply") {
		event.preventDefault();
		applyCode(form, button).catch(() => {
			form.submit();
		});
		return;
	}
	if (form.dataset.sent) {
		event.preventDefault();
		return;
	}
	form.dataset.sent = "yes";
	button.setAttribute("aria-disabled", "true");
	button.textContent = "One moment…";
});

/* Back from the checkout: the page may be as it was left. */
addEventListener("pageshow", event => {
	if (event.persisted && document.querySelector("[data-sent]"))
		location.reload();
});

/* Every 3 s for 2 min, 10 s to 10 min, 30 s to 30 min; then it is told so. */
function watch(sheet) {
	const began = Date.now();

	function pause() {
		const age = (Date.now() - began) / 1000;
		return age < 120 ? 3 : age < 600 ? 10 : age < 1800 ? 30 : 0;
	}

	async function look() {
		try {
			const answer = await fetch(sheet.dataset.poll);
			const seen = answer.ok ? await answer.json() : {};
			if (seen.license_key || (answer.ok &&
			    seen.status !== sheet.dataset.status)) {
				location.reload();
				return;
			}
		} catch {
			/* Away for a moment; the next one tells. */
		}
		next();
	}

	function next() {
		const seconds = pause();
		if (seconds)
			setTimeout(look, seconds * 1000);
		else
			sheet.querySelector(".later").hidden = false;
	}
	next();
}

for (const sheet of document.querySelectorAll("[data-poll]"))
	watch(sheet);
