/** All that the dashboard says, in English. Every page brings its own words. */

import { agentWords } from "../agents/words.ts";
import { gatewayWords } from "../gateways/words.ts";
import { bulkWords, safetyWords } from "../keys/bulk-words.ts";
import { budgetWords, conflictWords } from "../keys/conflict-words.ts";
import { keyDetailWords } from "../keys/detail-words.ts";
import { keyChangeWords, keyFormWords, keyWords } from "../keys/words.ts";
import { llmKeyWords } from "../llm-keys/words.ts";
import { recordWords } from "../logs/words.ts";
import { mcpWords } from "../mcp/words.ts";
import { memberWords } from "../members/words.ts";
import { modelWords } from "../models/words.ts";
import { notificationWords } from "../notifications/words.ts";
import { projectWords } from "../projects/words.ts";
import { viewWords } from "../saved-views/words.ts";
import { securityWords } from "../settings/security-words.ts";
import { settingsWords } from "../settings/words.ts";
import { usageWords } from "../usage/words.ts";
import { sharedWords } from "./shared.ts";

export const messages = {
  ...sharedWords,
  keys: keyWords,
  keyForm: keyFormWords,
  keyChange: keyChangeWords,
  keyDetail: keyDetailWords,
  conflict: conflictWords,
  budget: budgetWords,
  agents: agentWords,
  bulk: bulkWords,
  safety: safetyWords,
  views: viewWords,
  members: memberWords,
  gateways: gatewayWords,
  llmKeys: llmKeyWords,
  models: modelWords,
  mcp: mcpWords,
  notifications: notificationWords,
  projects: projectWords,
  records: recordWords,
  settings: settingsWords,
  security: securityWords,
  usage: usageWords,
} as const;

declare module "use-intl" {
  interface AppConfig {
    Messages: typeof messages;
    Locale: "en";
  }
}
