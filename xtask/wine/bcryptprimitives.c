/*
 * Rust's standard library takes random numbers from ProcessPrng of bcryptprimitives.dll, which
 * Wine 8 does not have. This library lends it the generator of advapi32, for test runs only.
 */
#include <stddef.h>
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(void *data, ULONG size);

__declspec(dllexport) BOOL WINAPI ProcessPrng(unsigned char *data, size_t size)
{
    return SystemFunction036(data, (ULONG)size);
}
