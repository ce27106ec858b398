"""Whether memory stays flat: 20 times the rows of the same entities."""

from measure.command import Setting
from measure.feature_data import FeatureRows, feature_file
from measure.result import Result
from measure.samples import Contender, take_turns
from measure.table import of_samples, rounded
from online.parts.materialize import ENTITIES, MEMORY_MB_MAX, ROWS
from online.redis_server import redis_server
from online.stores import Store, stores
from online.values import differing_values

MANY_ROWS, FILE_ROWS = 20_000_000, 2_000_000
# More rows keep more readers' buffers alive; the rows themselves must not stay.
GROWTH_MAX = 1.25


def run(setting: Setting) -> Result:
    """Measures each store with few and with many rows."""
    few, many, entities = setting.rows(ROWS), setting.rows(MANY_ROWS), setting.rows(ENTITIES)
    result = Result("growth", f"{rounded(many)} rows of the same {rounded(entities)} entities")
    sizes = {
        few: feature_file(setting.data, FeatureRows(few, entities)),
        many: feature_file(setting.data, FeatureRows(many, entities, rows_per_file=setting.rows(FILE_ROWS))),
    }
    with redis_server(setting.folder / "redis-server") as server:
        found = {rows: stores(setting.folder / f"growth-{rows}", server, {"users": path}) for rows, path in sizes.items()}
        contenders = [Contender(name(store, rows), store.materialize) for rows in sizes for store in found[rows]]
        samples = take_turns(contenders, min(setting.samples, 3))
        for store in found[many]:
            store.materialize()
            compared, wrong = differing_values(store.skewless, sizes[many], entities)
            what = f"{store.name}, {rounded(many)} rows: values read back against the newest rows"
            result.equal(what, "0 differing values", f"{wrong} of {compared:,} differ", wrong)
    result.paragraphs.append(of_samples(samples, contenders[0].name))
    peaks = {of.name: (of.peak_bytes or 0) / 1e6 for of in samples}
    for store in found[many]:
        peak, before = peaks[name(store, many)], peaks[name(store, few)]
        result.at_most(f"peak memory into {store.name} with {rounded(many)} rows", MEMORY_MB_MAX, peak, " MB")
        result.at_most(f"the same, by that with {rounded(few)} rows", GROWTH_MAX, peak / before)
    return result


def name(store: Store, rows: int) -> str:
    """The contender that uses a store and a number of rows."""
    return f"Skewless → {store.name}, {rounded(rows)} rows"
