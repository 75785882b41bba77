// Two tabs of a browser in one chat room, and a server that goes away and comes back.
//
//   node chat.js CHROMIUM SCREENSHOT ws|wss PROGRAM [ARGUMENT...]
//
// The program gets a port as its last argument, prints a line that ends in "port: NUMBER" and serves
// the chat and its page there. A line "!" restarts it, an empty line ends it.
"use strict";

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [browserPath, screenshot, protocol, program, ...programArguments] = process.argv.slice(2);
const PAGE = path.join(__dirname, "../../examples/websocket_chat.html");
const LIMIT = 30000; // milliseconds for anything that must happen

const MARKUP = `<img src=x onerror="document.title='broken'"> & <b>bold</b>`;
const LONG = "All of these words are the same words. ".repeat(2000);

const counts = { passed: 0, failed: 0 };

async function check(what, body) {
  try {
    await body();
    counts.passed += 1;
    console.log(`ok ${what}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`  ${String(error.stack ?? error).replaceAll("\n", "\n  ")}\nFAILED ${what}`);
  }
}

function equal(found, wanted, what) {
  if (found !== wanted) throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
}

// A chat server as a process.
class Server {
  async start(port) {
    this.text = "";
    this.process = spawn(program, [...programArguments, String(port)], { stdio: "pipe" });
    this.ended = once(this.process, "exit");
    const marked = new Promise((resolve, reject) => {
      const read = (data) => {
        this.text += data;
        const found = /port: (\d+)\r?\n/.exec(this.text);
        if (found) resolve(Number(found[1]));
      };
      this.process.stdout.on("data", read);
      this.process.stderr.on("data", read);
      this.process.on("error", reject);
      this.ended.then(() => reject(new Error(`the server ended; it printed:\n${this.text}`)), reject);
    });
    this.port = await within(marked, "the server prints its port");
  }

  say(line) {
    this.process.stdin.write(`${line}\n`);
  }

  async end() {
    this.say("");
    const [code] = await within(this.ended, "the server ends");
    equal(code, 0, `exit status after it printed ${this.text}`);
  }
}

async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${LIMIT} ms: ${what}`)), LIMIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// One tab with the page of the chat, and what its browser knows of the connections.
class Tab {
  static async open(context, name, url) {
    const tab = new Tab();
    tab.name = name;
    tab.errors = [];
    tab.page = await context.newPage();
    tab.page.setDefaultTimeout(LIMIT);
    tab.page.on("pageerror", (error) => tab.errors.push(String(error)));
    tab.page.on("console", (message) => {
      // That nobody listens while the server is away is part of the test.
      if (message.type() === "error" && !message.text().startsWith("WebSocket connection to")) {
        tab.errors.push(message.text());
      }
    });
    await tab.page.addInitScript(() => {
      const Native = window.WebSocket;
      window.sockets = [];
      window.WebSocket = class extends Native {
        constructor(...given) {
          super(...given);
          window.sockets.push(this);
        }
      };
    });
    tab.answer = await tab.page.goto(url);
    await tab.connected();
    await tab.page.getByLabel("Your name").fill(name);
    return tab;
  }

  async connected() {
    await this.page.locator("html[data-state=open]").waitFor({ state: "attached" });
  }

  // What connections there have been, by the browser's own objects.
  sockets() {
    return this.page.evaluate(() =>
      window.sockets.map(({ url, readyState, extensions }) => ({ url, readyState, extensions })),
    );
  }

  // The page's notes of connections that have ended.
  ends() {
    return this.page.locator("li.note", { hasText: "The connection has ended" });
  }

  async say(words) {
    await this.page.getByLabel("Message").fill(words);
    await this.page.getByRole("button", { name: "Send" }).click();
  }

  async hears(name, words) {
    const line = this.page.locator("li.line").filter({ has: this.page.locator(".who", { hasText: name }) });
    const found = line.locator(".words").filter({ hasText: words }).last();
    await found.waitFor().catch((error) => {
      throw new Error(`${this.name} does not hear "${words.slice(0, 60)}" of ${name}: ${error.message}`);
    });
    equal(await found.textContent(), words, `what ${this.name} hears`);
  }

  async hearsAdmin(words) {
    await this.page.locator("li.admin", { hasText: `(admin) ${words}` }).waitFor();
  }

  // Waits until one more connection has ended than before, and there is a new one.
  async again(before) {
    await this.ends().nth(before).waitFor();
    await this.connected();
  }
}

async function converse(tabs, words) {
  for (const speaker of tabs) {
    const line = `${words}, says ${speaker.name}`;
    await speaker.say(line);
    for (const listener of tabs) await listener.hears(speaker.name, line);
  }
}

// Runs something that ends the connections of these tabs, and waits until they have come back.
async function comeBack(tabs, leave) {
  const before = await Promise.all(tabs.map((tab) => tab.ends().count()));
  await leave();
  await Promise.all(tabs.map((tab, number) => tab.again(before[number])));
}

async function run(server, browser) {
  const encrypted = protocol === "wss";
  const context = await browser.newContext({
    ignoreHTTPSErrors: encrypted,
    viewport: { width: 900, height: 640 },
    colorScheme: "light",
  });
  await server.start(0);
  const url = `${encrypted ? "https" : "http"}://127.0.0.1:${server.port}/`;
  const left = await Tab.open(context, "Left", url);
  const right = await Tab.open(context, "Right", url);
  const tabs = [left, right];

  await check("the page is the file, as HTML", async () => {
    equal(left.answer.status(), 200, "status");
    equal((await left.answer.allHeaders())["content-type"].split(";")[0], "text/html", "content type");
    equal(await left.answer.text(), fs.readFileSync(PAGE, "utf8"), "page");
  });
  await check(`the connections are ${protocol} with permessage-deflate`, async () => {
    for (const tab of tabs) {
      const [socket] = await tab.sockets();
      equal(new URL(socket.url).protocol, `${protocol}:`, "protocol");
      equal(socket.extensions.split(";")[0], "permessage-deflate", "extension");
    }
  });
  await check("each hears the other and itself", () => converse(tabs, "Good evening"));
  await check("markup is shown as text", async () => {
    await left.say(MARKUP);
    for (const tab of tabs) {
      await tab.hears("Left", MARKUP);
      equal(await tab.page.locator("#log img, #log b").count(), 0, "elements made from a message");
      equal(await tab.page.title(), "Chat", "title");
    }
  });
  await check("letters of other alphabets arrive", async () => {
    await right.say("Grüße, καλησπέρα, こんばんは, 🙂");
    await left.hears("Right", "Grüße, καλησπέρα, こんばんは, 🙂");
  });
  await check("the administrator is heard", async () => {
    server.say("Welcome, you two.");
    for (const tab of tabs) await tab.hearsAdmin("Welcome, you two.");
  });
  await check("`!` ends a connection, which comes back", async () => {
    await comeBack([left], () => left.say("!"));
    await converse(tabs, "After leaving");
  });
  await check("the server restarts, and both come back", async () => {
    await comeBack(tabs, async () => server.say("!"));
    await converse(tabs, "After a restart");
  });
  await check("the server ends, starts again, and both come back", async () => {
    await comeBack(tabs, async () => {
      await server.end();
      for (const tab of tabs) {
        await tab.page.locator("html[data-state=waiting]").waitFor({ state: "attached" });
        equal(await tab.page.getByRole("button", { name: "Send" }).isDisabled(), true, "no sending meanwhile");
      }
      await server.start(server.port);
    });
    await converse(tabs, "After a pause");
  });
  await check("the new connections are compressed too", async () => {
    for (const tab of tabs) {
      const last = (await tab.sockets()).at(-1);
      equal(last.readyState, 1, "state");
      equal(last.extensions.split(";")[0], "permessage-deflate", "extension");
    }
  });
  await check("a conversation for the screenshot", async () => {
    await left.say("Are you still there? The server was gone for a moment.");
    await left.hears("Left", "Are you still there? The server was gone for a moment.");
    await right.say("Was it? This page came back by itself before I noticed.");
    await left.hears("Right", "Was it? This page came back by itself before I noticed.");
    server.say("It was a new process, and it has no idea who you are.");
    await left.hearsAdmin("It was a new process, and it has no idea who you are.");
    await left.page.bringToFront();
    await left.page.screenshot({ path: screenshot });
  });
  await check("a long message arrives whole", async () => {
    await left.page.evaluate((words) => window.sockets.at(-1).send(`Left: ${words}`), LONG);
    await right.hears("Left", LONG);
  });
  await check("no page has an error", async () => {
    for (const tab of tabs) equal(tab.errors.join("\n"), "", `errors of ${tab.name}`);
  });
  await check("the server ends", () => server.end());
}

async function main() {
  const server = new Server();
  const browser = await chromium.launch({ executablePath: browserPath, timeout: LIMIT });
  try {
    await run(server, browser);
  } catch (error) {
    await check("the test goes on to its end", () => Promise.reject(error));
  } finally {
    server.process?.kill("SIGKILL");
    await browser.close();
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed ? 1 : 0;
}

main();
