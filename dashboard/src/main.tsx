/** The dashboard: one page, mounted once. Start reading at `app.tsx`. */
import "./styles/main.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { readTrial } from "./trial/read-trial.ts";
import { messages } from "./words/en.ts";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

const trial = readTrial();
if (trial.state !== undefined) (await import("./trial/start.ts")).start(trial.state);
const words = trial.pseudo ? (await import("./trial/pseudo.ts")).pseudo(messages) : messages;

createRoot(root).render(
  <StrictMode>
    <App words={words} />
  </StrictMode>,
);
