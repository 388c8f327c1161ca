package grade

import (
	"fmt"
	"io"
	"os"
)

// Bounds of a course's secret, in bytes.
const (
	LeastSecret = 16
	MostSecret  = 4096
)

// A SecretError says why a file is no course's secret.
type SecretError struct {
	File  string
	Found int // bytes; one more than MostSecret stands for all above
}

func (e *SecretError) Error() string {
	return fmt.Sprintf("secret %s: expected %d to %d bytes, found %d", e.File, LeastSecret, MostSecret, e.Found)
}

// ReadSecret reads the secret of a course.
func ReadSecret(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	secret, err := io.ReadAll(io.LimitReader(f, MostSecret+1))
	if err != nil {
		return nil, err
	}
	if len(secret) < LeastSecret || len(secret) > MostSecret {
		return nil, &SecretError{File: file, Found: len(secret)}
	}
	return secret, nil
}
