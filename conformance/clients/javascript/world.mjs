// The namespace that cases work in, and what they say of calls.

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';

import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  PolicyV1Api,
  Watch,
  setHeaderOptions,
} from '@kubernetes/client-node';

// Longer than this nothing takes, on whatever machine, in milliseconds.
export const patience = 60_000;

/** A namespace of a server, and the clients that reach it. */
export class World {
  static async make() {
    const world = new World();
    world.config = new KubeConfig();
    world.config.loadFromDefault();
    world.core = world.config.makeApiClient(CoreV1Api);
    world.apps = world.config.makeApiClient(AppsV1Api);
    world.policy = world.config.makeApiClient(PolicyV1Api);
    world.objects = KubernetesObjectApi.makeApiClient(world.config);
    const body = { metadata: { generateName: 'clients-javascript-' } };
    world.namespace = (await world.core.createNamespace({ body })).metadata.name;
    // Pods need one, and a server without controllers makes none.
    const account = { metadata: { name: 'default' } };
    await accepts(409, world.core.createNamespacedServiceAccount({ namespace: world.namespace, body: account }));
    return world;
  }

  /** Makes one. It is labelled with its case, its name if nothing else is said. */
  configMap(name, data = undefined, labels = { case: name }) {
    return this.core.createNamespacedConfigMap({ namespace: this.namespace, body: { metadata: { name, labels }, data } });
  }

  patchConfigMap(name, body, media = 'application/merge-patch+json', options = {}) {
    const headers = setHeaderOptions('Content-Type', media);
    return this.core.patchNamespacedConfigMap({ namespace: this.namespace, name, body, ...options }, headers);
  }

  /** Makes one that no scheduler takes. */
  pod(name) {
    const spec = { schedulerName: 'nobody', containers: [{ name: 'main', image: 'image:1' }] };
    const body = { metadata: { name, labels: { case: name } }, spec };
    return this.core.createNamespacedPod({ namespace: this.namespace, body });
  }

  deployment(name) {
    const labels = { app: name };
    const containers = [{ name: 'web', image: 'web:1' }, { name: 'side', image: 'side:1' }];
    const template = { metadata: { labels }, spec: { containers } };
    const body = { metadata: { name, labels: { case: name } }, spec: { replicas: 0, selector: { matchLabels: labels }, template } };
    return this.apps.createNamespacedDeployment({ namespace: this.namespace, body });
  }

  /** Watches config maps of a case; gives what is told, and how the watch ended. */
  async watch(label, options = {}) {
    const queue = [];
    let wake = () => {};
    const tell = (item) => {
      queue.push(item);
      wake();
    };
    const query = { labelSelector: label, ...options };
    const path = `/api/v1/namespaces/${this.namespace}/configmaps`;
    const ended = (error) => tell({ ended: true, error });
    const controller = await new Watch(this.config).watch(path, query, (type, object) => tell({ type, object }), ended);
    const next = async () => {
      const end = Date.now() + patience;
      while (queue.length === 0) {
        assert(Date.now() < end, 'no event');
        await Promise.race([new Promise((resolve) => { wake = resolve; }), after(end - Date.now(), null, { ref: false })]);
      }
      return queue.shift();
    };
    return { next, stop: () => controller.abort() };
  }

  /**
   * Takes everything away that cases have left. Where no controller looks after namespaces that go, it says itself that
   * nothing is left in there.
   */
  async remove() {
    const { namespace } = this;
    const now = { namespace, gracePeriodSeconds: 0 };
    await this.core.deleteCollectionNamespacedConfigMap(now);
    await this.core.deleteCollectionNamespacedPod(now);
    await this.core.deleteCollectionNamespacedServiceAccount(now);
    await this.apps.deleteCollectionNamespacedDeployment(now);
    await this.policy.deleteCollectionNamespacedPodDisruptionBudget(now);
    await this.core.deleteNamespace({ name: namespace });
    await eventually('the namespace goes', async () => {
      const body = await accepts(404, this.core.readNamespace({ name: namespace }));
      if (body === null) return true;
      body.spec.finalizers = [];
      await accepts(404, accepts(409, this.core.replaceNamespaceFinalize({ name: namespace, body })));
      return false;
    });
  }
}

/** The call has to be refused with this status and reason. Gives the rest of what was said. */
export async function refused(status, reason, call) {
  let answer;
  try {
    answer = await call;
  } catch (error) {
    assert(error instanceof ApiException, error);
    assert.equal(error.code, status, `refused with ${error.code}: ${error.body}`);
    const body = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
    assert.equal(body.reason, reason);
    return body;
  }
  assert.fail(`went well, and should be refused with ${status}: ${JSON.stringify(answer)}`);
}

/** Waits for the call, and takes this refusal for nothing. */
export async function accepts(status, call) {
  try {
    return await call;
  } catch (error) {
    if (error.code === status) return null;
    throw error;
  }
}

/** Looks again until it finds what it looks for. */
export async function eventually(what, look) {
  const end = Date.now() + patience;
  while (!(await look())) {
    assert(Date.now() < end, `in vain: ${what}`);
    await after(10);
  }
}
