package store

import (
	"encoding/json"
	"fmt"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
)

// maxLine bounds a line, in bytes.
const maxLine = 4 << 20

// A line's text is its JSON with the sum of all that comes behind it as the first key, so that jq reads it, and so that a bit that has
// changed anywhere in it is seen.
const (
	sumKey  = `{"sum":"`
	sumEnd  = `",`
	sumSize = 16
	restAt  = len(sumKey) + sumSize + len(sumEnd)
)

// appendLine appends the text of something that JSON renders as an object with keys.
func appendLine(to []byte, what string, of any) ([]byte, error) {
	text, err := json.Marshal(of)
	if err != nil {
		return nil, fmt.Errorf("campaign's %s: %w", what, err)
	}
	if len(text)+restAt > maxLine {
		return nil, &LimitError{what, "at most " + bytesOf(maxLine), bytesOf(len(text) + restAt)}
	}
	rest := text[1:]
	to = append(to, sumKey...)
	to = fmt.Appendf(to, "%016x", xxh3.Hash(rest))
	to = append(to, sumEnd...)
	to = append(to, rest...)
	return append(to, '\n'), nil
}

// whole says whether the text of a line, without its end, is what was written; where it is not, expected and found say why.
func whole(text []byte) (expected, found string) {
	if len(text) <= restAt || string(text[:len(sumKey)]) != sumKey || string(text[restAt-len(sumEnd):restAt]) != sumEnd {
		return "a line that begins with its sum", fmt.Sprintf("%.40q", text)
	}
	says := text[len(sumKey) : len(sumKey)+sumSize]
	sum := xxh3.Hash(text[restAt:])
	for i, c := range says {
		if c != "0123456789abcdef"[sum>>(60-4*i)&15] {
			return fmt.Sprintf("the sum %.16q", says), fmt.Sprintf("%016x", sum)
		}
	}
	return "", ""
}

// decode reads a line's text, which must be the line of that number.
func (h *Header) decode(text []byte, number uint64, into *job.Line) (expected, found string) {
	if expected, found = whole(text); expected != "" {
		return expected, found
	}
	*into = job.Line{}
	var q quick
	if !q.line(text, into, len(h.Counters)) {
		*into = job.Line{}
		if err := json.Unmarshal(text, into); err != nil {
			return "a line of this version", err.Error()
		}
	}
	if into.Number != number {
		return fmt.Sprintf("line %d", number), fmt.Sprintf("line %d", into.Number)
	}
	if err := h.check(into); err != nil {
		return "a line of this campaign", err.Error()
	}
	return "", ""
}

// check refuses a line that is not of the header.
func (h *Header) check(l *job.Line) error {
	if len(l.Counts) > len(h.Counters) {
		return &LimitError{"line", fmt.Sprintf("at most %d counts", len(h.Counters)), fmt.Sprint(len(l.Counts))}
	}
	for _, c := range l.Made {
		if c < 0 || c >= len(h.Checks) {
			return &LimitError{"line", fmt.Sprintf("checks from 0 to %d", len(h.Checks)-1), fmt.Sprint(c)}
		}
	}
	for _, features := range []coverage.Features{l.New, l.Second} {
		for _, f := range features {
			if n := f.Space(); n != coverage.Shapes && (n >= len(h.Spaces) || f.Index() >= h.Spaces[n].Size) {
				return &LimitError{"line", fmt.Sprintf("features of %d spaces", len(h.Spaces)), fmt.Sprintf("index %d of space %d", f.Index(), n)}
			}
		}
	}
	return nil
}
