"""Feast's own clients ask a server: `client.py URL FOLDER CHECK`. What is not as it must be is an AssertionError.

FOLDER is an empty one, for a repository of Feast's.
"""

import datetime
import math
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import grpc
import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.errors import (
    FeastEntityDFMissingColumnsError,
    FeastError,
    FeastObjectNotFoundException,
    FeatureNameCollisionError,
    FeatureServiceNotFoundException,
    FeatureViewNotFoundException,
    RequestDataNotFoundInEntityRowsException,
)
from feast.protos.feast.serving import ServingService_pb2 as serving
from feast.protos.feast.serving.ServingService_pb2_grpc import ServingServiceStub
from feast.protos.feast.types import Value_pb2 as types
from feast.types import Float64, Int64
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

ROWS = [{"user_id": 2, "spend": 35.0}, {"user_id": 1, "spend": 0.0}, {"user_id": 9, "spend": 1.0}]


def store(url: str, folder: Path) -> FeatureStore:
    """A store of Feast's whose online store is the server."""
    settings = "project: test\nregistry: registry.db\nprovider: local\nentity_key_serialization_version: 3\n"
    (folder / "feature_store.yaml").write_text(f"{settings}online_store: {{type: remote, path: '{url}'}}\n")
    return FeatureStore(repo_path=str(folder))


def raises(expected: type[BaseException], words: str, call: Any, *arguments: Any, **named: Any) -> None:
    """Checks which exception a call raises, and what it says."""
    try:
        call(*arguments, **named)
    except expected as error:
        assert type(error) is expected, type(error)
        assert words in str(error), str(error)
    else:
        raise AssertionError(f"no {expected.__name__}")


def features(url: str, folder: Path) -> None:
    """Stored features and features on demand, in the order asked for, with types and statuses."""
    asked = ["user_stats:avg_spend", "efficiency:purchases_per_dollar", "user_stats:purchases", "mail"]
    response = store(url, folder).get_online_features(features=asked, entity_rows=ROWS)
    answer = response.to_dict()
    assert list(answer) == ["user_id", "avg_spend", "purchases_per_dollar", "purchases", "domain", "is_free_mail"]
    assert answer["user_id"] == [2, 1, 9]
    assert answer["avg_spend"] == [None, 7.25, None]
    assert answer["purchases_per_dollar"] == [0.2, None, None]
    assert answer["purchases"] == [7, 12, None]
    assert answer["domain"] == ["gmail.com", "example.org", None]
    assert answer["is_free_mail"] == [True, False, None]
    kinds = [type(answer[name][0]) for name in ("user_id", "purchases_per_dollar", "purchases", "domain", "is_free_mail")]
    assert kinds == [int, float, int, str, bool], kinds
    statuses = [list(result.statuses) for result in response.proto.results]
    present, null, not_found = serving.PRESENT, serving.NULL_VALUE, serving.NOT_FOUND
    assert statuses[0] == [present] * 3
    assert statuses[1] == [null, present, not_found], statuses
    assert statuses[3] == [present, present, not_found], statuses


def service(url: str, folder: Path) -> None:
    """A feature service, by the client's object of that name; and full names."""
    model = FeatureService(name="model", features=[])
    answer = store(url, folder).get_online_features(features=model, entity_rows=ROWS[:1], full_feature_names=True)
    expected = {"user_id": [2], "user_stats__purchases": [7], "efficiency__purchases_per_dollar": [0.2]}
    assert answer.to_dict() == expected, answer.to_dict()


def old_values(url: str, folder: Path) -> None:
    """What is past its ttl is withheld, and its status says so."""
    response = store(url, folder).get_online_features(features=["recent:visits"], entity_rows=[{"user_id": 1}])
    assert response.to_dict() == {"user_id": [1], "visits": [None]}
    assert list(response.proto.results[1].statuses) == [serving.OUTSIDE_MAX_AGE]


def errors(url: str, folder: Path) -> None:
    """Feast's own exceptions are raised, with the server's words."""
    ask = store(url, folder).get_online_features
    raises(FeatureViewNotFoundException, "did you mean `user_stats`?", ask, ["user_stat:purchases"], ROWS)
    raises(FeastObjectNotFoundException, "did you mean `purchases`?", ask, ["user_stats:purchase"], ROWS[:1])
    unknown = FeatureService(name="modle", features=[])
    raises(FeatureServiceNotFoundException, "did you mean `model`?", ask, unknown, ROWS)
    keys = [{"user_id": 1}]
    raises(RequestDataNotFoundInEntityRowsException, "request field `spend`", ask, ["efficiency"], keys)
    raises(FeastEntityDFMissingColumnsError, "join key `user_id`", ask, ["efficiency"], [{"spend": 1.0}])
    raises(FeatureNameCollisionError, "full feature names", ask, ["user_stats:visits", "recent:visits"], keys)
    raises(FeastError, "join key `user_id` is int64", ask, ["user_stats"], [{"user_id": "1"}])


def write(url: str, folder: Path) -> None:
    """Rows that Feast's client writes are read back; an older one is not stored; a push goes to the views of a source."""
    feast = store(url, folder)
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    schema = [Field(name="user_id", dtype=Int64), Field(name="purchases", dtype=Int64), Field(name="avg_spend", dtype=Float64)]
    schema.append(Field(name="visits", dtype=Int64))
    source = FileSource(name="users", path="users.parquet", timestamp_field="event_timestamp")
    feast.apply([user, FeatureView(name="user_stats", entities=[user], schema=schema, source=source)])
    row = {"user_id": [77], "purchases": [5], "avg_spend": [2.5], "visits": [3]}
    instant = pd.Timestamp("2024-05-01T12:00:00.250Z")
    feast.write_to_online_store("user_stats", pd.DataFrame({**row, "event_timestamp": [instant]}))
    older = {**row, "purchases": [4], "event_timestamp": [instant - datetime.timedelta(seconds=1)]}
    feast.write_to_online_store("user_stats", pd.DataFrame(older))
    answer = feast.get_online_features(["user_stats:purchases", "user_stats:avg_spend"], [{"user_id": 77}])
    assert answer.to_dict() == {"user_id": [77], "purchases": [5], "avg_spend": [2.5]}, answer.to_dict()


def grpc_features(url: str, folder: Path) -> None:
    """The generated stub, as in Feast's tutorial, with entities as lists of values."""
    del folder
    with grpc.insecure_channel(urlparse(url).netloc) as channel:
        stub = ServingServiceStub(channel)
        assert stub.GetFeastServingInfo(serving.GetFeastServingInfoRequest()).version.startswith("skewless ")
        user_id = types.RepeatedValue(val=[types.Value(int64_val=2), types.Value(int32_val=9)])
        spend = types.RepeatedValue(val=[types.Value(double_val=35.0), types.Value(float_val=0.5)])
        request = serving.GetOnlineFeaturesRequest(feature_service="model", entities={"user_id": user_id, "spend": spend})
        answer = stub.GetOnlineFeatures(request)
        assert list(answer.metadata.feature_names.val) == ["user_id", "purchases", "purchases_per_dollar"]
        assert [value.int64_val for value in answer.results[0].values] == [2, 9]
        assert answer.results[1].values[0].int64_val == 7
        assert answer.results[1].values[1].WhichOneof("val") is None
        assert list(answer.results[1].statuses) == [serving.PRESENT, serving.NOT_FOUND]
        assert answer.results[1].event_timestamps[0].ToJsonString() == "2024-01-15T06:30:00.250Z"
        assert answer.results[1].event_timestamps[1].ToJsonString() == "1970-01-01T00:00:00Z"
        assert answer.results[2].values[0].double_val == 0.2
        context = {"spend": types.RepeatedValue(val=[types.Value(int64_val=70)])}
        request = serving.GetOnlineFeaturesRequest(
            features=serving.FeatureList(val=["efficiency:purchases_per_dollar"]),
            entities={"user_id": types.RepeatedValue(val=[types.Value(int64_val=2)])},
            request_context=context,
            full_feature_names=True,
        )
        answer = stub.GetOnlineFeatures(request)
        assert list(answer.metadata.feature_names.val) == ["user_id", "efficiency__purchases_per_dollar"]
        assert answer.results[1].values[0].double_val == 0.1


def grpc_types(url: str, folder: Path) -> None:
    """Every type goes there and comes back in the kind of value that Feast has for it; a failed row is null alone."""
    del folder
    fields = {
        "integer": [types.Value(int64_val=2**62), types.Value(int32_val=-3), types.Value(int64_val=1)],
        "number": [types.Value(double_val=math.inf), types.Value(null_val=types.NULL), types.Value()],
        "single": [types.Value(float_val=-0.0), types.Value(), types.Value()],
        "flag": [types.Value(bool_val=True), types.Value(bool_val=False), types.Value()],
        "text": [types.Value(string_val="é"), types.Value(), types.Value(string_val="fail")],
        "raw": [types.Value(bytes_val=b"\x00\xff"), types.Value(), types.Value()],
        "list": [types.Value(double_list_val=types.DoubleList(val=[1.0, 3.0])), types.Value(), types.Value()],
    }
    names = ["doubled", "quotient", "negated", "shouted", "backwards", "next_day", "is_set", "halves"]
    request = serving.GetOnlineFeaturesRequest(
        features=serving.FeatureList(val=[f"everything:{name}" for name in names]),
        entities={name: types.RepeatedValue(val=values) for name, values in fields.items()},
    )
    with grpc.insecure_channel(urlparse(url).netloc) as channel:
        answer = ServingServiceStub(channel).GetOnlineFeatures(request)
    first = {name: result.values[0] for name, result in zip(names, answer.results)}
    assert first["doubled"].int64_val == -(2**63)
    assert first["quotient"].double_val == math.inf
    assert first["negated"].WhichOneof("val") == "float_val" and math.copysign(1, first["negated"].float_val) == 1
    assert first["shouted"].string_val == "2 É"
    assert first["backwards"].bytes_val == b"\xff\x00"
    assert first["next_day"].WhichOneof("val") == "unix_timestamp_val"
    assert first["is_set"].bool_val is True
    assert list(first["halves"].double_list_val.val) == [0.5, 1.5]
    nulls = [result.values[1].WhichOneof("val") for result in answer.results]
    assert nulls == ["int64_val", None, None, None, None, "unix_timestamp_val", "bool_val", None], nulls
    assert all(list(result.statuses)[2] == serving.INVALID for result in answer.results)
    assert all(result.values[2].WhichOneof("val") is None for result in answer.results)


def grpc_errors(url: str, folder: Path) -> None:
    """A code each, and the message that Feast's client makes its exceptions of."""
    del folder
    one = types.RepeatedValue(val=[types.Value(int64_val=1)])
    with grpc.insecure_channel(urlparse(url).netloc) as channel:
        stub = ServingServiceStub(channel)
        for code, exception, request in [
            (grpc.StatusCode.NOT_FOUND, FeatureServiceNotFoundException, {"feature_service": "modle"}),
            (grpc.StatusCode.NOT_FOUND, FeatureViewNotFoundException, {"features": serving.FeatureList(val=["nothing:a"])}),
            (grpc.StatusCode.INVALID_ARGUMENT, FeastError, {"entities": {"user_id": one}}),
            (
                grpc.StatusCode.INVALID_ARGUMENT,
                RequestDataNotFoundInEntityRowsException,
                {"feature_service": "model", "entities": {"user_id": one}},
            ),
            (
                grpc.StatusCode.INVALID_ARGUMENT,
                FeastError,
                {
                    "feature_service": "model",
                    "entities": {"user_id": one, "spend": types.RepeatedValue(val=[types.Value(map_val=types.Map())])},
                },
            ),
        ]:
            try:
                stub.GetOnlineFeatures(serving.GetOnlineFeaturesRequest(**request))
                raise AssertionError(f"no error for {request}")
            except grpc.RpcError as error:
                assert error.code() == code, error
                assert type(FeastError.from_error_detail(error.details())) is exception, error.details()


def grpc_reflection(url: str, folder: Path) -> None:
    """Reflection lists the services, and every message has the names, numbers and types of Feast's; health serves."""
    del folder
    with grpc.insecure_channel(urlparse(url).netloc) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = list(database.get_services())
        assert "feast.serving.ServingService" in services and "grpc.health.v1.Health" in services, services
        pool = descriptor_pool.DescriptorPool(database)
        ours = pool.FindServiceByName("feast.serving.ServingService")
        theirs = serving.DESCRIPTOR.services_by_name["ServingService"]
        for method in theirs.methods:
            assert ours.methods_by_name[method.name].input_type.full_name == method.input_type.full_name
            assert ours.methods_by_name[method.name].output_type.full_name == method.output_type.full_name
        seen: set[str] = set()
        for method in ours.methods:
            same_messages(method.input_type, seen)
            same_messages(method.output_type, seen)
        assert "feast.types.Value" in seen and "feast.serving.FieldStatus" in seen, seen
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "feast.serving.ServingService"):
            status = health.Check(health_pb2.HealthCheckRequest(service=name)).status
            assert status == health_pb2.HealthCheckResponse.SERVING


def same_messages(ours: Any, seen: set[str]) -> None:
    """Each field of ours is one of Feast's, and so is whatever it is made of."""
    if ours.full_name in seen or ours.full_name.startswith("google."):
        return
    seen.add(ours.full_name)
    theirs = descriptor_pool.Default().FindMessageTypeByName(ours.full_name)
    for field in ours.fields:
        other = theirs.fields_by_number[field.number]
        assert (field.name, field.type, field.is_repeated) == (other.name, other.type, other.is_repeated), field.full_name
        if field.message_type:
            assert field.message_type.full_name == other.message_type.full_name
            same_messages(field.message_type, seen)
        if field.enum_type:
            seen.add(field.enum_type.full_name)
            numbers = {value.name: value.number for value in field.enum_type.values}
            assert numbers == {value.name: value.number for value in other.enum_type.values}


def descriptors(proto: str, checked_in: Path) -> None:
    """The descriptors that are checked in are those of the .proto files in the folder `proto`."""
    import grpc_tools
    from grpc_tools import protoc

    google = Path(grpc_tools.__file__).parent / "_proto"
    made = checked_in.parent / "made.binpb"
    arguments = ["protoc", f"--proto_path={proto}", f"--proto_path={google}", "--include_imports", f"--descriptor_set_out={made}"]
    assert protoc.main([*arguments, "feast/serving/ServingService.proto"]) == 0
    made_set = descriptor_pb2.FileDescriptorSet.FromString(made.read_bytes())
    checked_in_set = descriptor_pb2.FileDescriptorSet.FromString(checked_in.read_bytes())
    assert made_set == checked_in_set, "run scripts/protobuf_descriptors.sh"


CHECKS = {
    check.__name__: check
    for check in (
        features,
        service,
        old_values,
        errors,
        write,
        grpc_features,
        grpc_types,
        grpc_errors,
        grpc_reflection,
        descriptors,
    )
}

if __name__ == "__main__":
    CHECKS[sys.argv[3]](sys.argv[1], Path(sys.argv[2]))
    print("as it must be")
