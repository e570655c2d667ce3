import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { createMailer } from "./mail.ts";

test("a mail server that keeps saying a little and takes no mail is left before another process sends the same", async () => {
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    timers.add(setInterval(() => socket.write("220-wait\r\n"), 100));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const mailer = createMailer({ url: `smtp://127.0.0.1:${port}`, from: "keys@example.com" }, 1_000);
  try {
    const mail = { to: ["a@b.example"], subject: "s", text: "t", id: "msg_000000000000" };
    await expect(mailer.send(mail)).rejects.toMatchObject({
      ...{ code: "ETIMEDOUT", message: "the mail server took too long" },
    });
    expect(sockets.size).toBe(1);
  } finally {
    mailer.close();
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
