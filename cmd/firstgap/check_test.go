package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// What an interrupt cancels ends with what was found so far, and could not tell.
func TestCheckIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitCannotTell, run(ctx, []string{"check", "volume", "--world", "aborts"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "verdict     incomplete: interrupted")
	require.Contains(t, stdout.String(), "1 distinct")
	require.Empty(t, stderr.String())
}
