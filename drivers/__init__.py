"""The real parts. Each driver knows the HAL and its library, never the business."""
