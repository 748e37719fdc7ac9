package main

import "regexp"

// names are the values that steps have saved, by name.
type names map[string]string

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// filler replaces names by their saved values.
type filler struct {
	saved names
	// unknown has the names without a saved value.
	unknown []string
}

func (f *filler) text(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		name := placeholder.FindStringSubmatch(found)[1]
		value, known := f.saved[name]
		if !known {
			f.unknown = append(f.unknown, name)
		}
		return value
	})
}

// value fills in each string of a JSON value. Field names stay the same.
func (f *filler) value(value any) any {
	switch value := value.(type) {
	case string:
		return f.text(value)
	case []any:
		return f.list(value)
	case map[string]any:
		filled := make(map[string]any, len(value))
		for name, field := range value {
			filled[name] = f.value(field)
		}
		return filled
	default:
		return value
	}
}

func (f *filler) list(values []any) []any {
	filled := make([]any, len(values))
	for position, value := range values {
		filled[position] = f.value(value)
	}
	return filled
}

func (f *filler) texts(texts map[string]string) map[string]string {
	filled := make(map[string]string, len(texts))
	for name, text := range texts {
		filled[name] = f.text(text)
	}
	return filled
}

func (f *filler) expectedError(expected *expectedError) *expectedError {
	if expected == nil {
		return nil
	}
	filled := &expectedError{
		Code:     f.text(expected.Code),
		Reason:   f.text(expected.Reason),
		Metadata: f.texts(expected.Metadata),
	}
	for _, violation := range expected.Violations {
		filled.Violations = append(filled.Violations, expectedViolation{
			Field:  f.text(violation.Field),
			Reason: f.text(violation.Reason),
		})
	}
	return filled
}
