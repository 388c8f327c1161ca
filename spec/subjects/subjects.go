// Package subjects lists all models, as the command line and campaigns offer them.
//
// Use a model's own package, such as volume, instead when one model is meant.
package subjects

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/bookkeeper"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/isr"
	"github.com/firstgap/firstgap/spec/longfork"
	"github.com/firstgap/firstgap/spec/membership"
	"github.com/firstgap/firstgap/spec/mirror"
	"github.com/firstgap/firstgap/spec/neon"
	"github.com/firstgap/firstgap/spec/placement"
	"github.com/firstgap/firstgap/spec/quorum"
	"github.com/firstgap/firstgap/spec/raft"
	"github.com/firstgap/firstgap/spec/reader"
	"github.com/firstgap/firstgap/spec/volume"
	"github.com/firstgap/firstgap/spec/wal"
)

// All returns all models.
func All() []check.Subject {
	return []check.Subject{
		volume.Subject(), quorum.Subject(), placement.Subject(), membership.Subject(), reader.Subject(), mirror.Subject(), wal.Subject(),
		neon.Subject(), bookkeeper.Subject(), raft.Subject(), isr.Subject(), longfork.Subject(),
	}
}

// An UnknownError says that there is no model of a name.
type UnknownError struct {
	Name  string
	Known []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown model %q; known: %s", e.Name, strings.Join(e.Known, ", "))
}

// Lookup returns the model of a name. Its error is an *UnknownError.
func Lookup(name string) (check.Subject, error) {
	all := All()
	i := slices.IndexFunc(all, func(s check.Subject) bool { return s.Name == name })
	if i < 0 {
		e := &UnknownError{Name: name}
		for _, s := range all {
			e.Known = append(e.Known, s.Name)
		}
		return check.Subject{}, e
	}
	return all[i], nil
}
