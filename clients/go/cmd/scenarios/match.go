package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// match returns the differences of an actual JSON value from the expected one; path is their place in the answer.
func match(path string, expected, actual any) error {
	if fields, isObject := expected.(map[string]any); isObject {
		return matchObject(path, fields, actual)
	}
	if isDefault(expected) && isDefault(actual) {
		return nil
	}
	if items, isList := expected.([]any); isList && len(items) > 0 {
		return matchList(path, items, actual)
	}
	if isDefault(expected) || isObject(actual) || isList(actual) || expected != actual {
		return mismatch(path, expected, actual)
	}
	return nil
}

func matchObject(path string, expected map[string]any, actual any) error {
	fields, isObject := actual.(map[string]any)
	if !isObject && actual != nil {
		return mismatch(path, expected, actual)
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		at := join(path, name)
		if name == "properties" || name == "preferences" {
			if !equal(expected[name], fields[name]) {
				return mismatch(at, expected[name], fields[name])
			}
		} else if err := match(at, expected[name], fields[name]); err != nil {
			return err
		}
	}
	return nil
}

func matchList(path string, expected []any, actual any) error {
	items, isList := actual.([]any)
	if !isList && actual != nil {
		return mismatch(path, expected, actual)
	}
	if len(items) != len(expected) {
		return fmt.Errorf("%s: expected %d items, got %d", orAnswer(path), len(expected), len(items))
	}
	for position, item := range expected {
		if err := match(join(path, strconv.Itoa(position)), item, items[position]); err != nil {
			return err
		}
	}
	return nil
}

// equal compares users' own data. An absent object equals an empty one.
func equal(expected, actual any) bool {
	return reflect.DeepEqual(orEmpty(expected), orEmpty(actual))
}

func orEmpty(value any) any {
	if value == nil {
		return map[string]any{}
	}
	return value
}

// isDefault says whether protobuf's JSON may leave a value out.
func isDefault(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case float64:
		return value == 0
	case string:
		return value == "" || strings.HasSuffix(value, "_UNSPECIFIED")
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	default:
		return false
	}
}

func isObject(value any) bool {
	_, is := value.(map[string]any)
	return is
}

func isList(value any) bool {
	_, is := value.([]any)
	return is
}

// valueAt follows a path of field names and list positions; nil if it leads nowhere.
func valueAt(value any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch inside := value.(type) {
		case map[string]any:
			value = inside[part]
		case []any:
			position, err := strconv.Atoi(part)
			if err != nil || position < 0 || position >= len(inside) {
				return nil
			}
			value = inside[position]
		default:
			return nil
		}
	}
	return value
}

func mismatch(path string, expected, actual any) error {
	return fmt.Errorf("%s: expected %s, got %s", orAnswer(path), inJSON(expected), inJSON(actual))
}

// orAnswer describes a path, also the empty one.
func orAnswer(path string) string {
	if path == "" {
		return "the answer"
	}
	return path
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func inJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
