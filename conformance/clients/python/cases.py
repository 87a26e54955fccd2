"""The cases: what programs do with a server through this client."""

import base64
import json
import threading
import uuid

from kubernetes import client, dynamic, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream
from kubernetes.utils import create_from_dict

from clients import PATIENCE, refused


def crud(w):
    made = w.config_map("crud", {"a": "1"})
    assert made.metadata.uid and made.metadata.resource_version and made.metadata.creation_timestamp
    refused(409, "AlreadyExists", w.config_map, "crud")
    made.data["a"] = "2"
    made.binary_data = {"b": base64.b64encode(bytes([0, 159, 255])).decode()}
    changed = w.core.replace_namespaced_config_map("crud", w.namespace, made)
    assert changed.metadata.resource_version != made.metadata.resource_version
    refused(409, "Conflict", w.core.replace_namespaced_config_map, "crud", w.namespace, made)
    read = w.core.read_namespaced_config_map("crud", w.namespace)
    assert read.data == {"a": "2"} and base64.b64decode(read.binary_data["b"]) == bytes([0, 159, 255]), read
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=str(uuid.uuid4())))
    refused(409, "Conflict", w.core.delete_namespaced_config_map, "crud", w.namespace, body=wrong)
    assert w.core.delete_namespaced_config_map("crud", w.namespace)["status"] == "Success"
    refused(404, "NotFound", w.core.read_namespaced_config_map, "crud", w.namespace)


def refusals(w):
    body = {"metadata": {"name": "refusals"}, "data": {"a": "1"}}
    maps = f"/api/v1/namespaces/{w.namespace}/configmaps?fieldValidation=Strict"
    status, answer = w.ask("POST", maps, body={**body, "date": {}})  # the library itself refuses such a body
    assert status == 400 and 'unknown field "date"' in answer["message"], answer
    body["metadata"] = {"name": "No_Name"}
    error = refused(422, "Invalid", w.core.create_namespaced_config_map, w.namespace, body)
    causes = json.loads(error.body)["details"]["causes"]
    assert [cause["field"] for cause in causes] == ["metadata.name"], causes
    refused(404, "NotFound", w.core.read_namespaced_config_map, "nobody", w.namespace)
    refused(404, "NotFound", w.core.create_namespaced_config_map, "no-such-namespace", {"metadata": {"name": "a"}})


def dry_run(w):
    body = {"metadata": {"name": "dry-run"}}
    made = w.core.create_namespaced_config_map(w.namespace, body, dry_run="All")
    assert made.metadata.uid
    refused(404, "NotFound", w.core.read_namespaced_config_map, "dry-run", w.namespace)


def pages(w):
    labels = {"case": "pages"}
    for number in range(25):
        w.config_map(f"pages-{number:03}", labels=labels)
    options = {"label_selector": "case=pages", "limit": 10}
    page = w.core.list_namespaced_config_map(w.namespace, **options)
    revision, names = page.metadata.resource_version, []
    w.config_map("pages-999", labels=labels)  # Pages are of one revision: what comes later is not seen.
    while True:
        names += [item.metadata.name for item in page.items]
        assert page.metadata.resource_version == revision
        if not page.metadata._continue:
            break
        page = w.core.list_namespaced_config_map(w.namespace, _continue=page.metadata._continue, **options)
    assert names == [f"pages-{number:03}" for number in range(25)], names
    whole = w.core.list_namespaced_config_map(w.namespace, limit=1)
    assert whole.metadata.remaining_item_count >= 25, whole.metadata
    refused(400, "BadRequest", w.core.list_namespaced_config_map, w.namespace, limit=1, _continue="no token")


def pages_gone(w):
    """A token of a revision that nobody has any more is answered with one that goes on with what is there now."""
    token = {"v": "meta.k8s.io/v1", "rv": 1, "start": "pages-gone\0"}
    text = base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")
    error = refused(410, "Expired", w.core.list_namespaced_config_map, w.namespace, limit=2, _continue=text)
    fresh = json.loads(error.body)["metadata"]["continue"]
    w.core.list_namespaced_config_map(w.namespace, limit=2, _continue=fresh)


def patches(w):
    w.deployment("patches")

    def patch(body, media):
        return w.apps.patch_namespaced_deployment("patches", w.namespace, body, _content_type=media)

    left = patch(
        {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}},
        "application/strategic-merge-patch+json",
    )
    assert [c.image for c in left.spec.template.spec.containers] == ["web:2", "side:1"], left.spec.template.spec
    left = patch(
        {"metadata": {"labels": {"case": None}}, "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:3"}]}}}},
        "application/merge-patch+json",
    )
    assert [c.image for c in left.spec.template.spec.containers] == ["web:3"] and not left.metadata.labels, left
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 0},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:4"},
    ]
    left = patch(operations, "application/json-patch+json")
    assert left.spec.template.spec.containers[0].image == "web:4"
    operations[0]["value"] = 7
    refused(422, "Invalid", patch, operations, "application/json-patch+json")


def apply(w):
    def apply_as(manager, data, force=None):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "apply"}, "data": data}
        return w.core.patch_namespaced_config_map(
            "apply", w.namespace, body, field_manager=manager, force=force, _content_type="application/apply-patch+yaml"
        )

    apply_as("one", {"a": "1", "b": "1"})
    error = refused(409, "Conflict", apply_as, "two", {"a": "2"})
    assert [cause["field"] for cause in json.loads(error.body)["details"]["causes"]] == [".data.a"], error.body
    apply_as("two", {"a": "2"}, force=True)
    left = apply_as("one", {})
    assert left.data == {"a": "2"}, left.data
    assert {entry.manager for entry in left.metadata.managed_fields} >= {"two"}, left.metadata.managed_fields


def scale(w):
    w.deployment("scale")
    read = w.apps.read_namespaced_deployment_scale("scale", w.namespace)
    assert not read.spec.replicas and read.status.selector == "app=scale", read
    read.spec.replicas = 1
    w.apps.replace_namespaced_deployment_scale("scale", w.namespace, read)
    w.apps.patch_namespaced_deployment_scale("scale", w.namespace, {"spec": {"replicas": 0}})
    left = w.apps.read_namespaced_deployment("scale", w.namespace)
    assert left.spec.replicas == 0 and left.metadata.generation == 3, left.metadata.generation


def eviction(w):
    pod = w.pod("eviction")
    body = client.V1Eviction(metadata=client.V1ObjectMeta(name="eviction"))
    evict = lambda: w.core.create_namespaced_pod_eviction("eviction", w.namespace, body)
    # What only waits for a node may always be evicted; this one runs.
    pod.status = client.V1PodStatus(phase="Running", conditions=[client.V1PodCondition(type="Ready", status="True")])
    w.core.replace_namespaced_pod_status("eviction", w.namespace, pod)
    selector = client.V1LabelSelector(match_labels={"case": "eviction"})
    budget = client.V1PodDisruptionBudget(
        metadata=client.V1ObjectMeta(name="eviction"),
        spec=client.V1PodDisruptionBudgetSpec(min_available=1, selector=selector),
    )
    w.policy.create_namespaced_pod_disruption_budget(w.namespace, budget)
    refused(429, "TooManyRequests", evict)
    w.policy.delete_namespaced_pod_disruption_budget("eviction", w.namespace)
    evict()
    refused(404, "NotFound", w.core.read_namespaced_pod, "eviction", w.namespace)


def token(w):
    w.core.create_namespaced_service_account(w.namespace, {"metadata": {"name": "token"}})
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=["elsewhere"], expiration_seconds=3600))
    issued = w.core.create_namespaced_service_account_token("token", w.namespace, request)
    claims = issued.status.token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    name = f"system:serviceaccount:{w.namespace}:token"
    assert claims["sub"] == name and claims["aud"] == ["elsewhere"], claims
    reviews = client.AuthenticationV1Api(w.api)
    review = lambda audiences: reviews.create_token_review(
        client.V1TokenReview(spec=client.V1TokenReviewSpec(token=issued.status.token, audiences=audiences))
    ).status
    assert review(["elsewhere"]).user.username == name
    assert not review(["here"]).authenticated


def without_nodes(w):
    w.pod("without-nodes")
    log = w.core.read_namespaced_pod_log("without-nodes", w.namespace)
    assert not log, log
    refused(404, "NotFound", w.core.read_namespaced_pod_log, "nobody", w.namespace)
    # Streams have a client of their own: they change how it asks.
    core = client.CoreV1Api(client.ApiClient(w.api.configuration))
    for call, args in (
        (lambda *a, **k: stream(core.connect_get_namespaced_pod_exec, *a, **k), {"command": ["true"], "stdout": True}),
        (lambda *a, **k: portforward(core.connect_get_namespaced_pod_portforward, *a, **k), {"ports": "80"}),
    ):
        try:
            call("without-nodes", w.namespace, **args)
            raise AssertionError("a stream to a pod on no node")
        except ApiException as error:
            assert "400 Bad Request" in str(error.reason), error


def discovery(w):
    versions = [version.group_version for group in client.ApisApi(w.api).get_api_versions().groups for version in group.versions]
    assert {"apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1"} <= set(versions), versions
    resources = {resource.name: resource for resource in w.apps.get_api_resources().resources}
    assert resources["deployments"].short_names == ["deploy"] and "deployments/scale" in resources, sorted(resources)
    version = client.VersionApi(w.api).get_code()
    assert (version.major, int(version.minor)) >= ("1", 37), version


def table(w):
    w.config_map("table", {"a": "1", "b": "2"})
    path = f"/api/v1/namespaces/{w.namespace}/configmaps?labelSelector=case=table"
    _, answer = w.ask("GET", path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [column["name"] for column in answer["columnDefinitions"]] == ["Name", "Data", "Age"], answer
    assert answer["rows"][0]["cells"][:2] == ["table", 2], answer["rows"]


def dynamic_client(w):
    found = dynamic.DynamicClient(w.api)
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dynamic", "labels": {"case": "dynamic"}}, "data": {"a": "1"}}
    maps.create(body=body, namespace=w.namespace)
    maps.server_side_apply(body={**body, "data": {"b": "2"}}, namespace=w.namespace, field_manager="dynamic")
    assert maps.get(name="dynamic", namespace=w.namespace).data.to_dict() == {"a": "1", "b": "2"}
    maps.patch(name="dynamic", namespace=w.namespace, body={"data": {"a": None}}, content_type="application/merge-patch+json")
    listed = maps.get(namespace=w.namespace, label_selector="case=dynamic")
    assert [item.data.to_dict() for item in listed.items] == [{"b": "2"}], listed
    deployments = found.resources.get(api_version="apps/v1", kind="Deployment")
    create_from_dict(w.api, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dynamic"}, "spec": {
        "replicas": 0, "selector": {"matchLabels": {"app": "d"}},
        "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}}},
        namespace=w.namespace)  # fmt: skip
    assert deployments.scale.get(name="dynamic", namespace=w.namespace).status.selector == "app=d"
    for event in maps.watch(namespace=w.namespace, label_selector="case=dynamic", timeout=PATIENCE):
        assert event["type"] == "ADDED" and event["object"].metadata.name == "dynamic", event
        break
    maps.delete(name="dynamic", namespace=w.namespace)


def watch_resume(w):
    """From a revision, through an end of the stream, and on from where it was."""
    first = w.config_map("watch-resume", {"value": "0"})
    for value in ("1", "2", "3"):
        w.core.patch_namespaced_config_map("watch-resume", w.namespace, {"data": {"value": value}})
    seen, revision = [], first.metadata.resource_version
    while len(seen) < 3:
        watcher = watch.Watch()
        for event in watcher.stream(
            w.core.list_namespaced_config_map,
            w.namespace,
            label_selector="case=watch-resume",
            resource_version=revision,
            timeout_seconds=PATIENCE,
        ):
            assert event["type"] == "MODIFIED", event
            seen.append(event["object"].data["value"])
            watcher.stop()
        revision = watcher.resource_version
    assert seen == ["1", "2", "3"], seen


def watch_live(w):
    """Events come while they happen: into and out of what is selected, and to its end."""
    began = threading.Event()
    seen = []

    def follow():
        watcher = watch.Watch()
        for event in watcher.stream(w.core.list_namespaced_config_map, w.namespace, label_selector="tier=front", timeout_seconds=PATIENCE):
            seen.append((event["type"], event["object"].metadata.name))
            began.set()
            if event["type"] == "DELETED" and len(seen) == 4:
                watcher.stop()

    w.config_map("watch-live", labels={"tier": "front"})
    thread = threading.Thread(target=follow)
    thread.start()
    assert began.wait(PATIENCE), "no first event"
    for tier in ("back", "front"):
        w.core.patch_namespaced_config_map("watch-live", w.namespace, {"metadata": {"labels": {"tier": tier}}})
    w.core.delete_namespaced_config_map("watch-live", w.namespace)
    thread.join(PATIENCE)
    kinds = [kind for kind, _ in seen]
    assert kinds == ["ADDED", "DELETED", "ADDED", "DELETED"], seen


def watch_gone(w):
    """Nobody has the first revision any more: whoever asks for it is told, lists again and goes on."""
    follow = lambda revision: next(
        watch.Watch().stream(
            w.core.list_namespaced_config_map,
            w.namespace,
            label_selector="case=watch-gone",
            resource_version=revision,
            timeout_seconds=PATIENCE,
        )
    )
    # The library lists again by itself once, and then says so.
    error = refused(410, None, follow, "1")
    assert "Expired" in error.reason, error.reason
    listed = w.core.list_namespaced_config_map(w.namespace, label_selector="case=watch-gone")
    w.config_map("watch-gone")
    event = follow(listed.metadata.resource_version)
    assert event["type"] == "ADDED" and event["object"].metadata.name == "watch-gone", event


def watch_times_out(w):
    events = list(watch.Watch().stream(w.core.list_namespaced_config_map, w.namespace, label_selector="case=nobody", timeout_seconds=1))
    assert events == [], events


def finalizers(w):
    body = {"metadata": {"name": "finalizers", "finalizers": ["example.com/hold"]}}
    w.core.create_namespaced_config_map(w.namespace, body)
    w.core.delete_namespaced_config_map("finalizers", w.namespace)
    assert w.core.read_namespaced_config_map("finalizers", w.namespace).metadata.deletion_timestamp
    operations = [{"op": "remove", "path": "/metadata/finalizers"}]
    w.core.patch_namespaced_config_map("finalizers", w.namespace, operations)
    refused(404, "NotFound", w.core.read_namespaced_config_map, "finalizers", w.namespace)


def delete_collection(w):
    for number in range(6):
        w.config_map(f"delete-collection-{number}", labels={"case": "delete-collection", "odd": str(number % 2 == 1).lower()})
    w.core.delete_collection_namespaced_config_map(w.namespace, label_selector="case=delete-collection,odd=true")
    left = w.core.list_namespaced_config_map(w.namespace, label_selector="case=delete-collection")
    assert len(left.items) == 3, [item.metadata.name for item in left.items]


ALL = [
    crud,
    refusals,
    dry_run,
    pages,
    pages_gone,
    patches,
    apply,
    scale,
    eviction,
    token,
    without_nodes,
    discovery,
    table,
    dynamic_client,
    watch_resume,
    watch_live,
    watch_gone,
    watch_times_out,
    finalizers,
    delete_collection,
]
