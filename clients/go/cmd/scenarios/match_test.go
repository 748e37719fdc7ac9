package main

import (
	"encoding/json"
	"testing"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestWhatMatches(t *testing.T) {
	for _, pair := range [][2]string{
		{`{"user": {"id": "a"}}`, `{"user": {"id": "a", "etag": "x"}, "outcome": "OUTCOME_CREATED"}`},
		{`{"user": {}}`, `{}`},
		{`{"outcome": null, "failed": 0, "results": [], "error": {}}`, `{"outcome": "OUTCOME_UNSPECIFIED"}`},
		{`{"results": [{"index": 0, "id": "a"}]}`, `{"results": [{"id": "a"}]}`},
		{`{"properties": {}}`, `{}`},
		{`{"properties": {"a": [1, {"b": null}]}}`, `{"properties": {"a": [1.0, {"b": null}]}}`},
	} {
		if err := match("", decode(t, pair[0]), decode(t, pair[1])); err != nil {
			t.Errorf("%s and %s: %v", pair[0], pair[1], err)
		}
	}
}

func TestWhatDoesNotMatch(t *testing.T) {
	for _, pair := range [][2]string{
		{`{"created": 1}`, `{"created": 2}`},
		{`{"created": 1}`, `{"created": "1"}`},
		{`{"outcome": null}`, `{"outcome": "OUTCOME_CREATED"}`},
		{`{"results": []}`, `{"results": [{}]}`},
		{`{"results": [{}]}`, `{"results": [{}, {}]}`},
		{`{"user": {"id": "a"}}`, `{}`},
		{`{"properties": {"a": 1}}`, `{"properties": {"a": 1, "b": 2}}`},
		{`{"properties": {}}`, `{"properties": {"a": null}}`},
		{`{"properties": {"a": false}}`, `{"properties": {"a": null}}`},
	} {
		if match("", decode(t, pair[0]), decode(t, pair[1])) == nil {
			t.Errorf("%s matches %s", pair[0], pair[1])
		}
	}
}

func TestPathsLeadIntoAnswers(t *testing.T) {
	answer := decode(t, `[{"results": [{"etag": "x"}]}]`)
	if value := valueAt(answer, "0.results.0.etag"); value != "x" {
		t.Errorf("found %v", value)
	}
	for _, path := range []string{"1", "0.results.1.etag", "0.results.etag", "0.none"} {
		if value := valueAt(answer, path); value != nil {
			t.Errorf("%s: found %v", path, value)
		}
	}
}

func TestNamesAreFilledInWhereverTheyStand(t *testing.T) {
	filler := filler{saved: names{"run": "r1-"}}
	filled := inJSON(filler.value(decode(t, `{"${run}": ["${run}u ${run}", 1, {"a": "${run}"}]}`)))
	if filled != `{"${run}":["r1-u r1-",1,{"a":"r1-"}]}` || len(filler.unknown) > 0 {
		t.Errorf("%s, unknown: %q", filled, filler.unknown)
	}
	if filler.text("${none}"); len(filler.unknown) != 1 {
		t.Error("a name that nobody saved is taken")
	}
}
