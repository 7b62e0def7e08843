// A session with fhir-kit-client: argv is the base address and a token; what came of each step is printed as JSON.
import { CapabilityTool, Client } from 'fhir-kit-client';

const [baseUrl, bearerToken, readerToken, number] = process.argv.slice(2);
const client = new Client({ baseUrl, bearerToken });
const SYSTEM = 'urn:example:clients';
const person = (more = {}) => ({
  resourceType: 'Patient',
  identifier: [{ system: SYSTEM, value: number }],
  name: [{ family: 'Lin', given: ['Xing'] }],
  gender: 'female',
  birthDate: '1958-03-09',
  ...more,
});
const reading = (subject, day) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] },
  subject: { reference: subject },
  effectiveDateTime: `2024-05-${String(day).padStart(2, '0')}`,
  valueQuantity: { value: 100 + day, unit: 'mmHg' },
});
const refusal = async (promise) => {
  const error = await promise.then(() => undefined, (raised) => raised);
  return { status: error?.response?.status, type: error?.response?.data?.resourceType, issue: error?.response?.data?.issue?.[0] };
};
const days = (bundle) => bundle.entry.map((one) => Number(one.resource.effectiveDateTime.slice(-2)));
const said = {};

const statement = new CapabilityTool(await client.capabilityStatement());
said.capabilities = {
  transaction: statement.serverCan('transaction'),
  read: statement.resourceCan('Patient', 'read'),
  birthdate: statement.resourceSearch('Patient', 'birthdate'),
};

const made = await client.create({ resourceType: 'Patient', body: person() });
const { response } = Client.httpFor(made);
const patient = { resourceType: 'Patient', id: made.id };
said.created = { status: response.status, location: response.headers.get('location'), etag: response.headers.get('etag') };
said.read = await client.read(patient);
said.updated = await client.update({ ...patient, body: { ...made, gender: 'other' } });
said.first = await client.vread({ ...patient, version: '1' });
said.patched = await client.patch({ ...patient, jsonPatch: [{ op: 'replace', path: '/gender', value: 'male' }] });
said.history = (await client.history(patient)).entry.map((one) => one.resource.gender);
const stale = client.update({ ...patient, body: made, options: { headers: { 'If-Match': 'W/"1"' } } });
said.stale = await refusal(stale);

const ifNoneExist = { headers: { 'If-None-Exist': `identifier=${SYSTEM}|${number}` } };
const same = await client.create({ resourceType: 'Patient', body: person(), options: ifNoneExist });
said.conditional = { status: Client.httpFor(same).response.status, same: same.id === made.id };
const where = { identifier: `${SYSTEM}|${number}` };
said.conditionalUpdate = (await client.update({ resourceType: 'Patient', searchParams: where, body: person() })).id === made.id;

const link = 'urn:uuid:3f6c2f0a-5b1e-4a4e-bb0f-1a2b3c4d5e6f';
const entries = Array.from({ length: 7 }, (_, i) => ({
  resource: reading(link, i + 1),
  request: { method: 'POST', url: 'Observation' },
}));
const other = { fullUrl: link, resource: person({ identifier: [] }), request: { method: 'POST', url: 'Patient' } };
delete other.resource.identifier;
const answer = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [...entries, other] } });
said.transaction = answer.entry.map((one) => one.response.status);
const subject = answer.entry[7].response.location.match(/Patient\/([^/]+)/)[1];

const searchParams = { subject: `Patient/${subject}`, _sort: 'date', _count: 3 };
let page = await client.search({ resourceType: 'Observation', searchParams });
said.pages = [];
while (page) {
  said.pages.push(days(page));
  page = await client.nextPage({ bundle: page });
}
const posted = await client.search({ resourceType: 'Observation', searchParams, options: { postSearch: true } });
said.posted = days(posted);
const mine = await client.search({ compartment: { resourceType: 'Patient', id: subject }, resourceType: 'Observation' });
said.compartment = mine.entry.length;
const everywhere = await client.search({ searchParams: { _id: subject, _type: 'Patient,Observation' } });
said.system = everywhere.entry.map((one) => one.resource.resourceType);
const resolved = await client.resolve({ reference: mine.entry[0].resource.subject.reference });
said.resolved = resolved.id === subject;
const everything = await client.operation({ name: 'everything', ...patient, resourceType: 'Patient', id: subject, method: 'GET' });
said.everything = everything.entry.length;
const broken = { resourceType: 'Bundle', type: 'transaction', entry: [entries[0], { ...other, resource: person({ gender: 'alien' }) }] };
said.brokenTransaction = await refusal(client.transaction({ body: broken }));
const batch = { resourceType: 'Bundle', type: 'batch', entry: ['Patient/nobody', `Patient/${subject}`].map((url) => ({ request: { method: 'GET', url } })) };
said.batch = (await client.batch({ body: batch })).entry.map((one) => one.response.status);

await client.delete(patient);
said.gone = await refusal(client.read(patient));
said.missing = await refusal(client.read({ resourceType: 'Patient', id: 'nobody-has-this-id' }));
said.invalid = await refusal(client.create({ resourceType: 'Patient', body: person({ birthDate: '1958-13-01' }) }));
said.forbidden = await refusal(new Client({ baseUrl, bearerToken: readerToken }).create({ resourceType: 'Patient', body: person() }));
said.unknown = await refusal(new Client({ baseUrl }).read(patient));
process.stdout.write(JSON.stringify(said));
