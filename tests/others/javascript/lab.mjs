// The fine-tuning lab with Microsoft's and OpenAI's JavaScript SDKs, as they are published: what they saw, as one JSON.
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

const names = ["packages", "group", "account", "model", "trainers", "data"];
const { values: wanted } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" }])) });
const { group, account } = wanted;
// The SDKs are installed elsewhere than beside this file, where `import` would look.
const sdk = createRequire(join(wanted.packages, "package.json"));
const { AuthorizationManagementClient } = sdk("@azure/arm-authorization");
const { CognitiveServicesManagementClient } = sdk("@azure/arm-cognitiveservices");
const { ClientSecretCredential, ManagedIdentityCredential, getBearerTokenProvider } = sdk("@azure/identity");
const { AzureOpenAI, OpenAI, toFile } = sdk("openai");

const env = process.env;
const subscription = env.AZURE_SUBSCRIPTION_ID;
const cloud = { endpoint: env.AZURE_RESOURCE_MANAGER_ENDPOINT };
const location = "swedencentral";
const apiVersion = "2024-10-21";
const dataScope = "https://cognitiveservices.azure.com/.default";
const contributor = "/providers/Microsoft.Authorization/roleDefinitions/a001fd3d-188f-4b5d-821b-7da978bf7442";
const messages = [{ role: "user", content: "What is 3 plus 3?" }];

async function all(pages, part = (one) => one) {
  const found = [];
  for await (const one of pages) found.push(part(one));
  return found;
}

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.status ?? error.statusCode, code: error.code };
  }
  throw new Error("this was to be refused, and was not");
}

async function ended(openai, id) {
  for (let look = 0; look < 200; look++) {
    const job = await openai.fineTuning.jobs.retrieve(id);
    if (["succeeded", "failed", "cancelled"].includes(job.status)) return job;
    await pause(100);
  }
  throw new Error("the job does not end");
}

async function train(openai, suffix) {
  const sent = await toFile(Buffer.from(wanted.data, "base64"), `${suffix}.jsonl`);
  const { id: training_file } = await openai.files.create({ file: sent, purpose: "fine-tune" });
  const file = await openai.files.waitForProcessing(training_file, { pollInterval: 100 });
  const order = { model: wanted.model, training_file, suffix, seed: 7, trainingType: "globalStandard" };
  const created = await openai.fineTuning.jobs.create(order);
  const done = await ended(openai, created.id);
  return {
    file,
    created,
    done,
    events: await all(openai.fineTuning.jobs.listEvents(done.id), (one) => one.message),
    checkpoints: (await all(openai.fineTuning.jobs.checkpoints.list(done.id))).length,
    results: await (await openai.files.content(done.result_files[0])).text(),
  };
}

async function streamed(openai) {
  const pieces = await openai.chat.completions.create({ model: "sums", messages, stream: true });
  return (await all(pieces, (one) => one.choices[0]?.delta?.content)).filter(Boolean);
}

// Two ways to sign in: ARM and the dated route by a secret, the v1 route by the managed identity.
const secret = new ClientSecretCredential(env.AZURE_TENANT_ID, env.AZURE_CLIENT_ID, env.AZURE_CLIENT_SECRET, {
  authorityHost: env.AZURE_AUTHORITY_HOST,
  disableInstanceDiscovery: true,
});
const managed = new ManagedIdentityCredential();
const arm = new CognitiveServicesManagementClient(secret, subscription, cloud);
const { roleAssignments } = new AuthorizationManagementClient(secret, subscription, cloud);
const seen = {};

seen.account = await arm.accounts.beginCreateAndWait(group, account, {
  location,
  kind: "OpenAI",
  sku: { name: "S0" },
  properties: { customSubDomainName: account },
});
const machine = new CognitiveServicesManagementClient(managed, subscription, cloud);
seen.listed = await all(machine.accounts.listByResourceGroup(group), (one) => one.name);
const keys = await arm.accounts.listKeys(group, account);
seen.keys = Object.keys(keys).sort();
seen.models = await all(arm.models.list(location), (one) => one.model.name);
seen.usages = await all(arm.usages.list(location), (one) => one.name.value);

const { endpoint } = seen.account.properties;
const byKey = new AzureOpenAI({ endpoint, apiVersion, apiKey: keys.key1 });
const dated = new AzureOpenAI({ endpoint, apiVersion, azureADTokenProvider: getBearerTokenProvider(secret, dataScope) });
const v1 = new OpenAI({ baseURL: `${endpoint}openai/v1/`, apiKey: getBearerTokenProvider(managed, dataScope) });

seen.before = await refusal(() => dated.fineTuning.jobs.list());
seen.roles = [];
for (const principalId of wanted.trainers.split(",")) {
  const role = { principalId, principalType: "ServicePrincipal", roleDefinitionId: contributor };
  seen.roles.push(await roleAssignments.create(seen.account.id, randomUUID(), role));
}

seen.dated = await train(byKey, "dated");
seen.v1 = await train(v1, "v1");
seen.jobs = {
  dated: await all(dated.fineTuning.jobs.list({ limit: 1 }), (one) => one.id),
  v1: await all(v1.fineTuning.jobs.list({ limit: 1 }), (one) => one.id),
};

seen.deployment = await arm.deployments.beginCreateOrUpdateAndWait(group, account, "sums", {
  sku: { name: "GlobalStandard", capacity: 1 },
  properties: { model: { format: "OpenAI", name: seen.dated.done.fine_tuned_model, version: "1" } },
});
seen.chat = {
  dated: await dated.chat.completions.create({ model: "sums", messages }),
  v1: await v1.chat.completions.create({ model: "sums", messages }),
  streamed: { dated: await streamed(dated), v1: await streamed(v1) },
};

const softDeleted = () => all(arm.deletedAccounts.list()).then((found) => found.filter((one) => one.name === account));
seen.cleaned = { file: await v1.files.delete(seen.v1.file.id) };
await arm.deployments.beginDeleteAndWait(group, account, "sums");
await arm.accounts.beginDeleteAndWait(group, account);
seen.cleaned.deleted = (await softDeleted()).map((one) => one.type);
await arm.deletedAccounts.beginPurgeAndWait(location, group, account);
seen.cleaned.left = (await softDeleted()).length;
seen.cleaned.gone = await refusal(() => arm.accounts.get(group, account));

console.log(JSON.stringify(seen));
