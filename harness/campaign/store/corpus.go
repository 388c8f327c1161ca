package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/configuration"
)

// An Entry is a configuration that reached something new, with what it takes to run it again and to choose among many.
type Entry struct {
	Campaign string            `json:"campaign"` // the ID of the header of the campaign that found it; PutEntry sets it where it is empty
	Number   uint64            `json:"number"`   // of its line there
	Arm      job.Arm           `json:"arm"`
	Seed     uint64            `json:"seed"`
	Parent   *uint64           `json:"parent,omitempty"`
	Hash     uint64            `json:"hash,string"` // of the run
	Work     uint64            `json:"work"`
	New      coverage.Features `json:"new"`  // that no line before it reached
	Seen     coverage.Features `json:"seen"` // all that it reached
	// Configuration is that of the run, also of a run whose configuration follows from its seed.
	Configuration *configuration.Configuration `json:"configuration"`
}

// Name is what the entry's file is called, without its end: a digest of its configuration, so that a configuration is there once.
func (e *Entry) Name() (string, error) {
	if e.Configuration == nil {
		return "", &LimitError{"corpus", "an entry with a configuration", "none"}
	}
	text, err := json.Marshal(e.Configuration)
	if err != nil {
		return "", fmt.Errorf("campaign's corpus: %w", err)
	}
	sum := xxh3.Hash128(text)
	return fmt.Sprintf("%016x%016x", sum.Hi, sum.Lo), nil
}

// The ends of entries' files: of those of the campaign itself, and of those that were merged into it. A configuration that was merged
// stays when the campaign comes to it by itself: what jobs it chooses depends on both.
const (
	entryEnd  = ".json"
	mergedEnd = ".merged.json"
)

func (r *Reader) entryFile(e *Entry) (string, error) {
	name, err := e.Name()
	if err == nil && e.Campaign != r.header.ID() {
		return path.Join(corpusFolder, name+mergedEnd), nil
	}
	return path.Join(corpusFolder, name+entryEnd), err
}

// PutEntry keeps an entry, before the line is appended that says Kept. When it returns nil, the entry survives a power cut. Where the
// same configuration is there already, the first one stays.
func (s *Store) PutEntry(e Entry) error {
	e.Campaign = cmp.Or(e.Campaign, s.header.ID())
	file, err := s.entryFile(&e)
	if err != nil {
		return err
	}
	if e.Configuration.System != s.header.System {
		return &LimitError{"corpus", "a configuration of " + s.header.System, "one of " + e.Configuration.System}
	}
	if err := s.header.check(&job.Line{New: e.New, Second: e.Seen}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if s.readEntry(file, new(Entry)) == nil {
		return nil
	}
	text, err := seal(entryKind, &e)
	if err != nil {
		return err
	}
	if err := s.makeFolder(corpusFolder); err != nil {
		return err
	}
	return put(s.disk, file, text)
}

// readEntry reads an entry that must be one of the campaign, in the file of its name.
func (r *Reader) readEntry(file string, e *Entry) error {
	if err := unseal(r.disk, entryKind, file, e); err != nil {
		return err
	}
	damaged := func(expected, found string) error {
		return &DamageError{File: file, Expected: expected, Found: found}
	}
	own, err := r.entryFile(e)
	switch {
	case err != nil:
		return damaged("an entry with a configuration", err.Error())
	case own != file:
		return damaged("the entry of its name", "that of "+path.Base(own))
	case e.Configuration.System != r.header.System:
		return damaged("a configuration of "+r.header.System, "one of "+e.Configuration.System)
	}
	if err := r.header.check(&job.Line{New: e.New, Second: e.Seen}); err != nil {
		return damaged("features of this campaign", err.Error())
	}
	return nil
}

// Entries lists the corpus: what the campaign itself kept in the order of the numbers, and then what was merged into it. What cannot be
// read is a *DamageError, beside the entries that can.
func (r *Reader) Entries() ([]Entry, error) {
	all, err := names(r.disk, corpusFolder, entryEnd)
	if err != nil {
		return nil, err
	}
	id := r.header.ID()
	var entries []Entry
	var damage error
	for _, n := range all {
		var e Entry
		if err := r.readEntry(path.Join(corpusFolder, n), &e); err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
				damage = errors.Join(damage, err)
			}
			continue
		}
		entries = append(entries, e)
	}
	// The names are sorted, so that what was merged always comes in one order.
	slices.SortStableFunc(entries, func(a, b Entry) int {
		own, other := a.Campaign == id, b.Campaign == id
		switch {
		case own && other:
			return cmp.Compare(a.Number, b.Number)
		case own:
			return -1
		case other:
			return 1
		}
		return 0
	})
	return entries, damage
}

// mendCorpus sets aside what is no entry, and removes entries whose lines were never acknowledged or are lost: their jobs are run again.
func (s *Store) mendCorpus() error {
	all, err := names(s.disk, corpusFolder, "")
	if err != nil {
		return err
	}
	id := s.header.ID()
	for _, n := range all {
		file := path.Join(corpusFolder, n)
		if path.Ext(n) != entryEnd {
			if err := s.setAside(file, &DamageError{File: file, Expected: "an entry of the corpus", Found: "another file"}, nil); err != nil {
				return err
			}
			continue
		}
		var e Entry
		var damage *DamageError
		err := s.readEntry(file, &e)
		switch {
		case errors.As(err, &damage):
			err = s.setAside(file, damage, nil)
		case err == nil && e.Campaign == id && e.Number >= s.tail.Next():
			if err = s.disk.remove(file); err != nil {
				err = &WriteError{file, bare(err)}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
