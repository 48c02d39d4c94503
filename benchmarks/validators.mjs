// Runs two validators of npm over NDJSON files, for benchmarks/profiles.py. Prints one JSON line a resource:
// {"errors": [text, …], "ms": CPU milliseconds}. Usage: node validators.mjs fhir|medplum DEFINITIONS.ndjson RESOURCES.ndjson
// The packages are looked for in the current folder's node_modules.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'x.js'));
const lines = (file) => readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

/** npm `fhir`: R4's core definitions come with it; it does not read profiles. */
function withFhir() {
  const { Fhir, ParseConformance, Versions } = require('fhir');
  const fhir = new Fhir(new ParseConformance(true, Versions.R4));
  return (resource) =>
    fhir
      .validate(resource, { errorOnUnexpected: true })
      .messages.filter((one) => one.severity === 'error' || one.severity === 'fatal')
      .map((one) => `${one.location}: ${one.message}`);
}

/** @medplum/core: base types and profiles indexed from the same definitions as ours; each claimed profile is asked. */
function withMedplum(definitions) {
  const core = require('@medplum/core');
  core.indexStructureDefinitionBundle(definitions.filter((one) => one.derivation !== 'constraint'));
  const byUrl = new Map(definitions.map((one) => [one.url, one]));
  return (resource) => {
    const found = [];
    const profiles = (resource.meta?.profile ?? []).map((url) => byUrl.get(url)).filter(Boolean);
    for (const profile of [undefined, ...profiles]) {
      try {
        core.validateResource(resource, profile ? { profile } : undefined);
      } catch (error) {
        for (const issue of error.outcome?.issue ?? [{ details: { text: String(error) } }]) {
          found.push(`${(issue.expression ?? []).join()}: ${issue.details?.text}`);
        }
      }
    }
    return found;
  };
}

const [which, definitions, resources] = process.argv.slice(2);
const validate = (which === 'fhir' ? withFhir : withMedplum)(lines(definitions));
for (const resource of lines(resources)) {
  const start = process.cpuUsage();
  let errors;
  try {
    errors = validate(resource);
  } catch (error) {
    errors = [`failed: ${error}`];
  }
  const { user, system } = process.cpuUsage(start);
  console.log(JSON.stringify({ errors: [...new Set(errors)], ms: (user + system) / 1000 }));
}
