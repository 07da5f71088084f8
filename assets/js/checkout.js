/*
 * What scripts add to a checkout: it changes as soon as something is heard, by
 * an event stream or, where none can be had, by asking every few seconds; the
 * time that is left counts down.
 */
"use strict";

{
	const POLL = 4000;
	let part = document.getElementById("checkout");
	let polling = false, over = false, loading = false, again = false;

	function seen(s) {
		return [s.state, s.paid_sats, s.due_sats, s.confirmations,
		    s.expires_at].map((v) => v ?? "").join(" ");
	}

	/* The page itself says what there is to see; until it does, again. */
	async function load() {
		let got = false;

		if (loading) {
			again = true;
			return;
		}
		loading = true;
		try {
			const answer = await fetch(location.href,
			    { headers: { accept: "text/html" } });
			if (answer.redirected) {
				location.replace(answer.url);
				return;
			}
			const page = new DOMParser().parseFromString(
			    await answer.text(), "text/html");
			const news = page.getElementById("checkout");
			got = answer.ok;
			if (answer.ok && news && !same(news)) {
				enhance(news);
				part.replaceWith(news);
				part = news;
				document.getElementById("said").textContent =
				    part.querySelector("h1").textContent;
				count();
			}
		} catch {
			/* Away for a moment. */
		} finally {
			loading = false;
		}
		if (again || !got) {
			again = false;
			setTimeout(load, got ? 0 : 2000);
		}
	}

	function same(news) {
		return news.dataset.seen === part.dataset.seen &&
		    news.querySelectorAll(".qr").length ===
		    part.querySelectorAll(".qr").length;
	}

	function told(s) {
		if (s.next_url)
			location.replace(s.next_url);
		else if (seen(s) !== part.dataset.seen)
			load();
	}

	async function poll() {
		try {
			const answer = await fetch(part.dataset.poll);
			if (answer.ok)
				told(await answer.json());
		} catch {
			/* The same. */
		}
		setTimeout(poll, POLL);
	}

	function listen() {
		const events = new EventSource(part.dataset.events);

		events.addEventListener("state",
		    (e) => told(JSON.parse(e.data)));
		events.addEventListener("end", (e) => {
			if (JSON.parse(e.data).reason === "final")
				events.close();
		});
		events.addEventListener("error", () => {
			if (events.readyState === EventSource.CLOSED &&
			    !polling) {
				polling = true;
				poll();
			}
		});
	}

	function count() {
		const until = Date.parse(part.dataset.until);
		const left = part.querySelector("[data-left]");

		if (isNaN(until) || !left)
			return;
		const s = Math.max(0, Math.floor((until - Date.now()) / 1000));
		const h = Math.floor(s / 3600);
		const m = String(Math.floor(s / 60) % 60).padStart(2, "0");
		left.textContent = s >= 86400 ?
		    Math.floor(s / 86400) + " days left" :
		    (h > 0 ? h + ":" : "") + m + ":" +
		    String(s % 60).padStart(2, "0") + " left";
		if (s > 0) {
			over = false;
		} else if (!over) {
			over = true;
			setTimeout(load, 1500);
		}
	}

	if (part) {
		if (window.EventSource) {
			listen();
		} else {
			polling = true;
			poll();
		}
		count();
		setInterval(count, 1000);
	}
}
