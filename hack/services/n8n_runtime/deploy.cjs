/* Put credentials and workflows into n8n's database and publish them, in one process.
 *
 *   node deploy.cjs N8N-PACKAGE CREDENTIALS.json WORKFLOWS-FOLDER
 *
 * It runs n8n's own commands `import:credentials`, `import:workflow --separate` and, for each workflow,
 * `publish:workflow`. As separate processes each of them spends seconds on loading n8n, and answers an error
 * with a line in the log and exit code 0; here an error ends the process with 1.
 */
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const [n8n, credentials, workflows] = process.argv.slice(2);
process.env.NODE_CONFIG_DIR ||= path.join(n8n, "bin/config");

// As n8n's own bin/n8n does it: configuration has to be there before the database's entities are loaded.
const load = (name) => require(require.resolve(name, { paths: [n8n] }));
load("reflect-metadata");
load("./dist/config");
load("./dist/zod-alias-support");
const { Container } = load("@n8n/di");
const { ModuleRegistry } = load("@n8n/backend-common");
const { WorkflowRepository } = load("@n8n/db");

async function main() {
  const { ImportCredentialsCommand } = load("./dist/commands/import/credentials.js");
  const { ImportWorkflowsCommand } = load("./dist/commands/import/workflow.js");
  await Container.get(ModuleRegistry).loadModules();

  const importWorkflows = Container.get(ImportWorkflowsCommand);
  await importWorkflows.init(); // opens the database and migrates it, for all that follows
  const importCredentials = Container.get(ImportCredentialsCommand);
  importCredentials.flags = { input: credentials, separate: false };
  await importCredentials.run();
  importWorkflows.flags = { input: workflows, separate: true, activeState: "false" };
  await importWorkflows.run();

  const names = fs.readdirSync(workflows).filter((name) => name.endsWith(".json"));
  for (const name of names) {
    const { id } = JSON.parse(fs.readFileSync(path.join(workflows, name), "utf8"));
    await Container.get(WorkflowRepository).publishVersion(id);
  }
  console.log(`deployed ${names.length} workflows`);
  await importWorkflows.finally(undefined); // closes the database and ends the process
}

main().catch((error) => {
  console.error(error.stack || error);
  process.exit(1);
});
