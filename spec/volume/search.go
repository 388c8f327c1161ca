package volume

import (
	"context"

	"github.com/firstgap/firstgap/spec/check"
)

// Search searches a world to the end, or until the context or an option ends it, and returns what it found
// with a receipt. In a world with Up it decides progress, too. It refuses a world that contradicts itself or does not fit
// with a WorldError.
func Search(ctx context.Context, w World, o check.Options) (*check.Result, error) {
	m, err := NewModel(w)
	if err != nil {
		return nil, err
	}
	return check.Search(ctx, m, o)
}
