// The page is whole without this. Every two seconds, while somebody can see it, it is
// fetched again, and what differs is put in its place: so there is one who draws, and
// focus, selection and scrolling stay where they are.
"use strict";
(() => {
	const every = 2000, patience = 5000;
	const main = document.getElementById("live");
	const lost = document.getElementById("lost");
	let timer = 0, asking = false, since = null;

	// become makes a node like another one, and changes nothing that is alike already.
	function become(node, like) {
		if (node.nodeType !== Node.ELEMENT_NODE) {
			if (node.nodeValue !== like.nodeValue) node.nodeValue = like.nodeValue;
			return;
		}
		for (const a of [...node.attributes]) if (!like.hasAttribute(a.name)) node.removeAttribute(a.name);
		for (const a of like.attributes) if (node.getAttribute(a.name) !== a.value) node.setAttribute(a.name, a.value);
		const old = [...node.childNodes], want = [...like.childNodes];
		want.forEach((w, i) => {
			const o = old[i];
			if (!o) node.append(w);
			else if (o.nodeType === w.nodeType && o.nodeName === w.nodeName && o.id === w.id) become(o, w);
			else o.replaceWith(w);
		});
		for (const o of old.slice(want.length)) o.remove();
	}

	function say(text) {
		if (lost.textContent !== text) lost.textContent = text;
		lost.hidden = text === "";
	}

	async function ask() {
		const end = new AbortController();
		const patient = setTimeout(() => end.abort(), patience);
		try {
			const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" }, cache: "no-store", signal: end.signal });
			if (!answer.ok) throw new Error("it answers " + answer.status);
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			if (!page.getElementById("live")) throw new Error("it answers with another page");
			become(main, page.getElementById("live"));
			become(document.getElementById("asof"), page.getElementById("asof"));
			document.title = page.title;
			since = null;
			say("");
		} catch (err) {
			if (document.hidden) return;
			since = since || new Date().toLocaleTimeString();
			const why = err.message.startsWith("it ") ? err.message : "it cannot be reached";
			say("The gateway has not told anything new since " + since + ": " + why + ". The numbers below are old.");
		} finally {
			clearTimeout(patient);
		}
	}

	async function run() {
		clearTimeout(timer);
		if (document.hidden || asking) return;
		asking = true;
		await ask();
		asking = false;
		if (!document.hidden) timer = setTimeout(run, every);
	}

	document.addEventListener("visibilitychange", run);
	timer = setTimeout(run, every);
})();
