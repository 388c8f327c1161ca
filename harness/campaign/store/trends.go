package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
)

// A Trend is what one replay of the corpus came to, at one commit.
type Trend struct {
	Commit      string   `json:"commit"`
	Build       string   `json:"build"`
	At          int64    `json:"at"`          // Unix milliseconds
	Entries     uint64   `json:"entries"`     // of the corpus that were replayed
	Reached     []uint64 `json:"reached"`     // by the header's spaces: the features that they reached
	Failures    uint64   `json:"failures"`    // of these runs
	Regressions uint64   `json:"regressions"` // failures kept from before that were tried
	Reproduced  uint64   `json:"reproduced"`  // of these, those that failed by the same again
	Seconds     float64  `json:"seconds"`
}

// AppendTrend keeps a trend. When it returns nil, the trend survives a power cut.
func (s *Store) AppendTrend(t Trend) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	text, err := s.trendsText()
	if err != nil {
		return err
	}
	text, err = appendLine(text, "trends", &t)
	if err != nil {
		return err
	}
	if len(text) > maxFile {
		return &LimitError{"trends", "at most " + bytesOf(maxFile), bytesOf(len(text))}
	}
	return put(s.disk, trendsFile, text)
}

func (r *Reader) trendsText() ([]byte, error) {
	text, err := r.disk.read(trendsFile, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// Trends lists the trends, the oldest first. What of them is not as it was written is a *DamageError, beside those that are.
func (r *Reader) Trends() ([]Trend, error) {
	text, err := r.trendsText()
	if err != nil {
		return nil, err
	}
	var all []Trend
	var damage error
	for line := range bytes.Lines(text) {
		line := bytes.TrimSuffix(line, []byte("\n"))
		expected, found := whole(line)
		var t Trend
		if expected == "" {
			if err := json.Unmarshal(line, &t); err != nil {
				expected, found = "a trend of this version", err.Error()
			}
		}
		if expected != "" {
			damage = errors.Join(damage, &DamageError{File: trendsFile, Expected: expected, Found: found})
			continue
		}
		all = append(all, t)
	}
	return all, damage
}

// mendTrends sets the file of trends aside where a line of it is not as it was written, and keeps the others.
func (s *Store) mendTrends() error {
	all, err := s.Trends()
	var damage *DamageError
	if err == nil || !errors.As(err, &damage) {
		return err
	}
	if err := s.setAside(trendsFile, damage, nil); err != nil {
		return err
	}
	var text []byte
	for i := range all {
		if text, err = appendLine(text, "trends", &all[i]); err != nil {
			return err
		}
	}
	return put(s.disk, trendsFile, text)
}
