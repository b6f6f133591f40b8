#ifndef TFLM_MATH_H
#define TFLM_MATH_H
#ifdef __cplusplus
extern "C" {
#endif
float expf(float value);
float roundf(float value);
float sqrtf(float value);
double exp(double value);
double round(double value);
double sqrt(double value);
#ifdef __cplusplus
}
#endif
#endif
