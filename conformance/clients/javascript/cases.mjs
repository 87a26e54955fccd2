// The cases: what programs do with a server through this client.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { PassThrough } from 'node:stream';

import {
  ApisApi,
  AuthenticationV1Api,
  Exec,
  Log,
  PatchStrategy,
  PortForward,
  VersionApi,
  makeInformer,
  setHeaderOptions,
} from '@kubernetes/client-node';

import { eventually, refused } from './world.mjs';

export const cases = {
  async crud(w) {
    const { namespace } = w;
    const name = 'crud';
    const made = await w.configMap(name, { a: '1' });
    assert(made.metadata.uid && made.metadata.resourceVersion && made.metadata.creationTimestamp instanceof Date);
    await refused(409, 'AlreadyExists', w.configMap(name));
    const body = { ...made, data: { a: '2' }, binaryData: { b: Buffer.from([0, 159, 255]).toString('base64') } };
    const changed = await w.core.replaceNamespacedConfigMap({ namespace, name, body });
    assert.notEqual(changed.metadata.resourceVersion, made.metadata.resourceVersion);
    await refused(409, 'Conflict', w.core.replaceNamespacedConfigMap({ namespace, name, body }));
    const read = await w.core.readNamespacedConfigMap({ namespace, name });
    assert.deepEqual([read.data, read.binaryData], [{ a: '2' }, body.binaryData]);
    const preconditions = { uid: '11111111-2222-3333-4444-555555555555' };
    await refused(409, 'Conflict', w.core.deleteNamespacedConfigMap({ namespace, name, body: { preconditions } }));
    const answer = await w.core.deleteNamespacedConfigMap({ namespace, name });
    assert.equal(answer.status, 'Success');
    await refused(404, 'NotFound', w.core.readNamespacedConfigMap({ namespace, name }));
  },

  async refusals(w) {
    const { namespace } = w;
    const invalid = await refused(422, 'Invalid', w.configMap('No_Name'));
    assert.deepEqual(invalid.details.causes.map((cause) => cause.field), ['metadata.name']);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'refusals', namespace }, date: {} };
    // The object API sends what it is given.
    await refused(404, 'NotFound', w.objects.read({ ...body, metadata: { name: 'nobody', namespace } }));
    await refused(404, 'NotFound', w.core.createNamespacedConfigMap({ namespace: 'no-such-namespace', body: { metadata: { name: 'a' } } }));
    const made = await w.core.createNamespacedConfigMap({ namespace, body, dryRun: 'All', fieldValidation: 'Strict' });
    assert(made.metadata.uid); // The generated API knows no such field, and leaves it out.
    await refused(404, 'NotFound', w.core.readNamespacedConfigMap({ namespace, name: 'refusals' }));
  },

  async pages(w) {
    const { namespace } = w;
    const labels = { case: 'pages' };
    const wanted = Array.from({ length: 25 }, (_, number) => `pages-${String(number).padStart(3, '0')}`);
    for (const name of wanted) await w.configMap(name, undefined, labels);
    const query = { namespace, labelSelector: 'case=pages', limit: 10 };
    const names = [];
    let page = await w.core.listNamespacedConfigMap(query);
    const { resourceVersion } = page.metadata;
    await w.configMap('pages-999', undefined, labels); // Pages are of one revision: what comes later is not seen.
    for (;;) {
      names.push(...page.items.map((item) => item.metadata.name));
      assert.equal(page.metadata.resourceVersion, resourceVersion);
      if (!page.metadata._continue) break;
      page = await w.core.listNamespacedConfigMap({ ...query, _continue: page.metadata._continue });
    }
    assert.deepEqual(names, wanted);
    const whole = await w.core.listNamespacedConfigMap({ namespace, limit: 1 });
    assert(whole.metadata.remainingItemCount >= 25, String(whole.metadata.remainingItemCount));
    await refused(400, 'BadRequest', w.core.listNamespacedConfigMap({ namespace, limit: 1, _continue: 'no token' }));
  },

  // A token of a revision that nobody has any more is answered with one that goes on with what is there now.
  async 'pages-gone'(w) {
    const { namespace } = w;
    const token = JSON.stringify({ v: 'meta.k8s.io/v1', rv: 1, start: 'pages-gone\0' });
    const list = (_continue) => w.core.listNamespacedConfigMap({ namespace, limit: 2, _continue });
    const gone = await refused(410, 'Expired', list(Buffer.from(token).toString('base64url')));
    await list(gone.metadata.continue);
  },

  async patches(w) {
    const { namespace } = w;
    const name = 'patches';
    await w.deployment(name);
    const patch = (media, body) => w.apps.patchNamespacedDeployment({ namespace, name, body }, setHeaderOptions('Content-Type', media));
    const images = (object) => object.spec.template.spec.containers.map((container) => container.image);
    const containers = (image) => ({ template: { spec: { containers: [{ name: 'web', image }] } } });
    assert.deepEqual(images(await patch(PatchStrategy.StrategicMergePatch, { spec: containers('web:2') })), ['web:2', 'side:1']);
    const merged = await patch(PatchStrategy.MergePatch, { metadata: { labels: { case: null } }, spec: containers('web:3') });
    assert.deepEqual([images(merged), merged.metadata.labels], [['web:3'], undefined]);
    const operations = [
      { op: 'test', path: '/spec/replicas', value: 0 },
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'web:4' },
    ];
    assert.deepEqual(images(await patch(PatchStrategy.JsonPatch, operations)), ['web:4']);
    operations[0].value = 7;
    await refused(422, 'Invalid', patch(PatchStrategy.JsonPatch, operations));
    await refused(409, 'Conflict', patch(PatchStrategy.MergePatch, { metadata: { resourceVersion: '1' } }));
  },

  async apply(w) {
    const apply = (fieldManager, data, force) => {
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'apply' }, data };
      return w.patchConfigMap('apply', body, PatchStrategy.ServerSideApply, { fieldManager, force });
    };
    await apply('one', { a: '1', b: '1' });
    const conflict = await refused(409, 'Conflict', apply('two', { a: '2' }));
    assert.deepEqual(conflict.details.causes.map((cause) => cause.field), ['.data.a']);
    await apply('two', { a: '2' }, true);
    assert.deepEqual((await apply('one', {})).data, { a: '2' });
  },

  async scale(w) {
    const { namespace } = w;
    const name = 'scale';
    await w.deployment(name);
    const body = await w.apps.readNamespacedDeploymentScale({ namespace, name });
    assert.equal(body.status.selector, 'app=scale');
    body.spec.replicas = 1;
    await w.apps.replaceNamespacedDeploymentScale({ namespace, name, body });
    await refused(409, 'Conflict', w.apps.replaceNamespacedDeploymentScale({ namespace, name, body }));
    const options = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    await w.apps.patchNamespacedDeploymentScale({ namespace, name, body: { spec: { replicas: 0 } } }, options);
    const left = await w.apps.readNamespacedDeployment({ namespace, name });
    assert.deepEqual([left.spec.replicas, left.metadata.generation], [0, 3]);
  },

  async eviction(w) {
    const { namespace } = w;
    const name = 'eviction';
    const pod = await w.pod(name);
    const evict = () => w.core.createNamespacedPodEviction({ namespace, name, body: { metadata: { name } } });
    // What only waits for a node may always be evicted; this one runs.
    pod.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    await w.core.replaceNamespacedPodStatus({ namespace, name, body: pod });
    const body = { metadata: { name }, spec: { minAvailable: 1, selector: { matchLabels: { case: name } } } };
    await w.policy.createNamespacedPodDisruptionBudget({ namespace, body });
    const refusal = await refused(429, 'TooManyRequests', evict());
    assert.equal(refusal.details.causes[0].reason, 'DisruptionBudget');
    await w.policy.deleteNamespacedPodDisruptionBudget({ namespace, name });
    await evict();
    await refused(404, 'NotFound', w.core.readNamespacedPod({ namespace, name }));
  },

  async token(w) {
    const { namespace } = w;
    const name = 'token';
    await w.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
    const spec = { audiences: ['elsewhere'], expirationSeconds: 3600 };
    const issued = await w.core.createNamespacedServiceAccountToken({ namespace, name, body: { spec } });
    const claims = JSON.parse(Buffer.from(issued.status.token.split('.')[1], 'base64url'));
    assert.deepEqual([claims.sub, claims.aud], [`system:serviceaccount:${namespace}:${name}`, ['elsewhere']]);
    const reviews = w.config.makeApiClient(AuthenticationV1Api);
    const review = async (audiences) => {
      const asked = await reviews.createTokenReview({ body: { spec: { token: issued.status.token, audiences } } });
      return asked.status;
    };
    assert.equal((await review(['elsewhere'])).user.username, claims.sub);
    assert(!(await review(['here'])).authenticated);
  },

  async 'without-nodes'(w) {
    const { namespace } = w;
    const name = 'without-nodes';
    await w.pod(name);
    // What never ran has said nothing, which the library takes for no answer; of nobody there is nothing to be had.
    await assert.rejects(new Log(w.config).log(namespace, name, 'main', new PassThrough()), { code: 204 });
    await assert.rejects(new Log(w.config).log(namespace, 'nobody', 'main', new PassThrough()), { code: 404 });
    const refusal = /Unexpected server response: 400/;
    const exec = new Exec(w.config).exec(namespace, name, 'main', ['true'], new PassThrough(), null, null, false);
    await assert.rejects(exec, (error) => refusal.test(error.message));
    const forward = new PortForward(w.config).portForward(namespace, name, [80], new PassThrough(), null, new PassThrough());
    await assert.rejects(forward, (error) => refusal.test(error.message));
  },

  async discovery(w) {
    const { groups } = await w.config.makeApiClient(ApisApi).getAPIVersions();
    const versions = groups.flatMap((group) => group.versions.map((version) => version.groupVersion));
    for (const version of ['apps/v1', 'batch/v1', 'rbac.authorization.k8s.io/v1']) assert(versions.includes(version), version);
    const { resources } = await w.apps.getAPIResources();
    assert.deepEqual(resources.find((resource) => resource.name === 'deployments').shortNames, ['deploy']);
    const version = await w.config.makeApiClient(VersionApi).getCode();
    assert(version.major === '1' && Number(version.minor) >= 37, JSON.stringify(version));
  },

  // The object API finds out by itself where an object belongs.
  async objects(w) {
    const metadata = { name: 'objects', namespace: w.namespace };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } };
    await w.objects.create(object);
    await w.objects.patch({ ...object, data: { b: '2' } }, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
    const read = await w.objects.read(object);
    assert.deepEqual(read.data, { a: '1', b: '2' });
    read.data = { c: '3' };
    await w.objects.replace(read);
    const applied = await w.objects.patch({ ...object, data: { d: '4' } }, undefined, undefined, 'objects', true, PatchStrategy.ServerSideApply);
    assert.deepEqual(applied.data, { c: '3', d: '4' });
    const list = await w.objects.list('v1', 'ConfigMap', w.namespace, undefined, undefined, undefined, 'metadata.name=objects');
    assert.equal(list.items.length, 1);
    await w.objects.delete(object);
    await refused(404, 'NotFound', w.objects.read(object));
  },

  // From a revision, through an end of the stream, and on from where it was.
  async 'watch-resume'(w) {
    const first = await w.configMap('watch-resume');
    for (const value of ['1', '2', '3']) await w.patchConfigMap('watch-resume', { data: { value } });
    let { resourceVersion } = first.metadata;
    for (const value of ['1', '2', '3']) {
      const watch = await w.watch('case=watch-resume', { resourceVersion });
      const { type, object } = await watch.next();
      assert.deepEqual([type, object.data.value], ['MODIFIED', value]);
      ({ resourceVersion } = object.metadata);
      watch.stop();
    }
  },

  async 'watch-selected'(w) {
    await w.configMap('watch-selected', undefined, { tier: 'front' });
    const watch = await w.watch('tier=front');
    const kinds = [(await watch.next()).type];
    for (const tier of ['back', 'front']) {
      await w.patchConfigMap('watch-selected', { metadata: { labels: { tier } } });
      kinds.push((await watch.next()).type);
    }
    await w.core.deleteNamespacedConfigMap({ namespace: w.namespace, name: 'watch-selected' });
    kinds.push((await watch.next()).type);
    assert.deepEqual(kinds, ['ADDED', 'DELETED', 'ADDED', 'DELETED']);
    watch.stop();
  },

  // Nobody has the first revision any more: whoever asks for it is told, lists again and goes on.
  async 'watch-gone'(w) {
    const { namespace } = w;
    const old = await w.watch('case=watch-gone', { resourceVersion: '1' });
    const { type, object, error } = await old.next();
    assert(error?.statusCode === 410 || (type === 'ERROR' && object.code === 410 && object.reason === 'Expired'), JSON.stringify({ type, object }));
    const listed = await w.core.listNamespacedConfigMap({ namespace, labelSelector: 'case=watch-gone' });
    const watch = await w.watch('case=watch-gone', { resourceVersion: listed.metadata.resourceVersion });
    await w.configMap('watch-gone');
    const told = await watch.next();
    assert.deepEqual([told.type, told.object.metadata.name], ['ADDED', 'watch-gone']);
    watch.stop();
  },

  async 'watch-times-out'(w) {
    const watch = await w.watch('case=nobody', { timeoutSeconds: 1 });
    const { ended, error } = await watch.next();
    assert(ended && !error, String(error));
  },

  // A list, then events, over as many connections as it takes.
  async informer(w) {
    const { namespace } = w;
    const labelSelector = 'case=informer';
    const labels = { case: 'informer' };
    await w.configMap('informer-a', undefined, labels);
    const list = () => w.core.listNamespacedConfigMap({ namespace, labelSelector });
    const informer = makeInformer(w.config, `/api/v1/namespaces/${namespace}/configmaps`, list, labelSelector);
    const told = [];
    for (const verb of ['add', 'update', 'delete']) informer.on(verb, (object) => told.push(`${verb} ${object.metadata.name}`));
    const hears = (what) => eventually(`${what} in ${told}`, () => told.includes(what));
    await informer.start();
    await hears('add informer-a');
    await w.configMap('informer-b', undefined, labels);
    await hears('add informer-b');
    await w.patchConfigMap('informer-b', { data: { a: '1' } });
    await hears('update informer-b');
    assert.deepEqual(informer.get('informer-b', namespace).data, { a: '1' });
    // It breaks off, and goes on; what happened between is told then.
    await informer.stop();
    await w.core.deleteNamespacedConfigMap({ namespace, name: 'informer-a' });
    await informer.start();
    await hears('delete informer-a');
    assert.equal(informer.list(namespace).length, 1);
    await informer.stop();
  },

  async finalizers(w) {
    const { namespace } = w;
    const name = 'finalizers';
    const body = { metadata: { name, finalizers: ['example.com/hold'] } };
    await w.core.createNamespacedConfigMap({ namespace, body });
    await w.core.deleteNamespacedConfigMap({ namespace, name });
    assert((await w.core.readNamespacedConfigMap({ namespace, name })).metadata.deletionTimestamp instanceof Date);
    await w.patchConfigMap(name, [{ op: 'remove', path: '/metadata/finalizers' }], PatchStrategy.JsonPatch);
    await refused(404, 'NotFound', w.core.readNamespacedConfigMap({ namespace, name }));
  },

  async 'delete-collection'(w) {
    const { namespace } = w;
    for (const number of [0, 1, 2, 3, 4, 5]) {
      await w.configMap(`delete-collection-${number}`, undefined, { case: 'delete-collection', odd: String(number % 2 === 1) });
    }
    await w.core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'case=delete-collection,odd=true' });
    const left = await w.core.listNamespacedConfigMap({ namespace, labelSelector: 'case=delete-collection' });
    assert.equal(left.items.length, 3);
  },
};
