//! Values that no chart knows, each with the known value that is most like it.

use serde_json::{Value, json};

use crate::chart::{BASE, Chart, GATEWAY, HEDDLED};

/// The keys that this crate reads before the charts do.
const OWN: [&str; 2] = ["profile", "components"];

/// The values that neither Heddle nor istiod knows, one line each. Sorted.
pub(super) fn unknown(values: &Value) -> anyhow::Result<Vec<String>> {
    let lists = [BASE.unknown(values)?, HEDDLED.unknown(values)?];
    let has = |list: &[String], key: &str| {
        list.iter().any(|unknown| {
            key.strip_prefix(unknown.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    let mut keys: Vec<String> = lists.concat();
    keys.retain(|key| lists.iter().all(|list| has(list, key)));
    keys.retain(|key| {
        let first = key.split('.').next().unwrap_or_default();
        !OWN.contains(&first) && first != "gateways"
    });
    keys.sort();
    keys.dedup();
    let known = [known(&BASE, "")?, known(&HEDDLED, "")?, OWN.map(str::to_owned).to_vec()].concat();
    let mut lines: Vec<String> = keys.iter().map(|key| line(key, &known)).collect();
    for (name, gateway) in values["gateways"].as_object().into_iter().flatten() {
        // The chart knows these keys of any gateway.
        let keys = GATEWAY.unknown(&json!({"gateways": {name: gateway}}))?;
        let known = self::known(&GATEWAY, "gateways.*")?;
        let known: Vec<String> = known.iter().map(|key| key.replacen('*', name, 1)).collect();
        lines.extend(keys.iter().filter(|key| key.matches('.').count() > 1).map(|key| line(key, &known)));
    }
    Ok(lines)
}

/// The known keys of a chart that begin with a prefix.
fn known(chart: &Chart, prefix: &str) -> anyhow::Result<Vec<String>> {
    Ok(chart.known()?.into_iter().filter(|key| key.starts_with(prefix)).collect())
}

fn line(key: &str, known: &[String]) -> String {
    let nearest = nearest(key, known).map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
    format!("  {key}{nearest}")
}

/// The known key that is most like a key: of the same parent, else with the same last name, else of all. Of equal keys
/// the first counts.
fn nearest<'a>(key: &str, known: &'a [String]) -> Option<&'a str> {
    let (parent, name) = key.rsplit_once('.').unwrap_or(("", key));
    let parent_of = |key: &'a str| key.rsplit_once('.').map_or("", |(parent, _)| parent);
    let best = |candidates: &mut dyn Iterator<Item = &'a String>, of: fn(&str) -> &str, given: &str| {
        candidates.map(|known| (distance(of(known), given), known.as_str())).min()
    };
    let mut siblings = known.iter().filter(|known| parent_of(known) == parent);
    let sibling = best(&mut siblings, last_name, name).filter(|(distance, _)| *distance <= name.len().div_ceil(3));
    let mut namesakes = known.iter().filter(|known| last_name(known) == name);
    let namesake = || best(&mut namesakes, |key| key, key);
    let any = || best(&mut known.iter(), |key| key, key);
    sibling.or_else(namesake).or_else(any).map(|(_, key)| key)
}

fn last_name(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// How many letters must be inserted, deleted, replaced or swapped with their neighbor to make one text the other.
/// Capitals are equal to small letters.
fn distance(one: &str, other: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (one, other) = (letters(one), letters(other));
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (beside, same) in other.iter().map(|other| other == letter).enumerate() {
            let above = &rows[at];
            let mut least = (above[beside] + usize::from(!same)).min(above[beside + 1] + 1).min(row[beside] + 1);
            if at > 0 && beside > 0 && one[at - 1] == other[beside] && other[beside - 1] == *letter {
                least = least.min(rows[at - 1][beside - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unknown_value_has_its_nearest() {
        let given = json!({
            "globl": {"hub": "x"}, "proxy": {"logLevel": "info"}, "autoscaleMn": 1,
            "global": {"proxy": {"logLevle": "x", "tracer": "zipkin"}, "imagePullPolciy": "x"},
            "base": {"excludeCRDs": []}, "meshConfig": {"anything": 1}, "profile": "demo",
            "components": {"pilot": {"enabled": true}}, "telemetry": {"enabled": true},
            "gateways": {"securityContext": {},
                "way-in": {"enabled": true, "autoscaleMni": 1, "service": {"typ": "x"}}},
        });
        let want = [
            "  autoscaleMn; did you mean autoscaleMin?",
            "  base.excludeCRDs; did you mean base.excludedCRDs?",
            "  global.imagePullPolciy; did you mean global.imagePullPolicy?",
            "  global.proxy.logLevle; did you mean global.proxy.logLevel?",
            "  globl; did you mean global?",
            "  proxy; did you mean global.proxy?",
            "  gateways.way-in.autoscaleMni; did you mean gateways.way-in.autoscaleMin?",
            "  gateways.way-in.service.typ; did you mean gateways.way-in.service.type?",
        ];
        assert_eq!(unknown(&given).unwrap(), want);
    }

    #[test]
    fn a_swap_of_neighbors_is_one_step() {
        assert_eq!(distance("logLevle", "logLevel"), 1);
        assert_eq!(distance("HUB", "hub"), 0);
        assert_eq!(distance("", "tag"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
